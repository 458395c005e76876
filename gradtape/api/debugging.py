"""`tf.debugging`: public names, re-exports only."""
