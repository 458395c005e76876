"""The functions that Keras asks of a backend, by the modules in which it looks for them."""
