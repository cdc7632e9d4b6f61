"""Contract tests: they check that a part fulfils its protocol. Run them on parts of your own package; they do not need pytest."""
