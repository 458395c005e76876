"""Floor 0: what a value is and what an operation is; NumPy is its only guest."""
