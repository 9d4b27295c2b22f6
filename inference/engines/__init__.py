"""Engines: what executes a bundle's graph, behind one Protocol."""
