"""Floor 3: record now, run later."""
