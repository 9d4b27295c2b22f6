"""From a PET header to SUV, with the reason (PS3.3 C.8.9)."""
