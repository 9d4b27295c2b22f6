"""The result objects: SEG, SR and picture."""
