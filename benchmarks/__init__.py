"""Speed and memory of gradtape beside its peers and beside NumPy written out by hand."""
