"""Captions: a decoder of words, guided by the retrieved location."""
