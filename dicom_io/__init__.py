"""Everything that speaks DICOM: files, series, volumes, SUV, result objects, listener, sender."""
