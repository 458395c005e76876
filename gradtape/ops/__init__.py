"""Floor 1: the catalogue of operations."""
