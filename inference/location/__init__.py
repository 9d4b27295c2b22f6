"""Where a finding lies, in the words of the vocabulary."""
