"""Evaluation: what trained bundles and the rules beside them answer on patients that nobody trained on."""
