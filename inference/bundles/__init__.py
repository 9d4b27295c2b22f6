"""Bundles: packaged models, verified before they are used."""
