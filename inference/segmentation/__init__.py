"""From SUV to candidates: seeds, basins, thresholds."""
