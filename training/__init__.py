"""Recipes that train the models, and the digital cohort that they are trained on."""
