"""`tf.linalg`: public names, re-exports only."""
