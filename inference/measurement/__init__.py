"""Measurements of findings on the PET grid."""
