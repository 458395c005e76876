"""`tf.signal`: public names, re-exports only."""
