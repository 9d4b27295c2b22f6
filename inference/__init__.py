"""Everything that looks at voxels. Knows arrays, affines and findings, never DICOM."""
