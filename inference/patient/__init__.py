"""The digital patient: geometric anatomy with known lesions."""
