"""One file a command. Heavy packages are imported when a command runs, so that ``--help`` answers at once."""
