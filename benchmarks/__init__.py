"""What ``make bench`` runs: ratios against peers and budgets, measured in one run on one machine."""
