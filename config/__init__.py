"""The shared language: the words (values and reasons), settings, the anatomical vocabulary, tracer profiles.

Everything else imports from here and this imports from nowhere else in the project.
"""
