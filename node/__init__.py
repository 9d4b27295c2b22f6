"""The application: intake, completeness, work queue, analysis, delivery, supervision, command line."""
