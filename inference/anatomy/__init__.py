"""Weight-free anatomy: body, lungs, skeleton, organs and landmarks, from the CT and, without one, from the PET."""
