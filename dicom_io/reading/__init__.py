"""From files to instances, series, a pair, and volumes."""
