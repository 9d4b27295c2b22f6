"""Shipped: the bundles that come with the node."""

from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "models"

LESIONS, LOCATION, CAPTIONS = "uptake-lesions", "uptake-location", "uptake-captions"
"""Their names."""
