"""`tf.math`: public names, re-exports only."""
