"""Data sets to train on: the digital cohort, NIfTI folders, autoPET's layout with a table of reports."""
