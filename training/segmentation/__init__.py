"""Lesion segmentation: a network in the manner of nnU-Net."""
