"""One script per figure; each prints JSON as its last line."""
