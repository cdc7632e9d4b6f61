"""Contract tests: what a part must fulfil to work with everything else. Run them on parts of your own; no pytest is needed."""
