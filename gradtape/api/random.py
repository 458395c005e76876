"""`tf.random`: public names, re-exports only."""
