"""DICOM networking: the listener and its journal, the sender, the probe."""
