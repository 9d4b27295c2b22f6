"""Captioning: the words for location and CT finding by a trained model; never a number."""
