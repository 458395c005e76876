"""Floor 2: differentiate what was recorded."""
