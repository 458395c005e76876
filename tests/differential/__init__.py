"""The same calls under TensorFlow and under gradtape: `python -m tests.differential.compare`."""
