"""`tf.nn`: public names, re-exports only."""
