"""A digital scanner: writes studies in vendors' habits, for the demonstration and for tests."""
