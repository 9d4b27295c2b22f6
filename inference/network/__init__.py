"""What surrounds a segmentation network: preparation, windows, and the way back to the original grid."""
