"""The digital cohort: endless PET/CT patients with known lesions, made from one voxelised anatomy.

The anatomy is Z-Anatomy (CC BY-SA 4.0), made on BodyParts3D (CC BY-SA 2.1 JP); it is read from a folder and never
shipped.
"""
