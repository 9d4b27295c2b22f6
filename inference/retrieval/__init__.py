"""Retrieval: the location of a lesion by a trained model; arrays in, ranked entries of the vocabulary out."""
