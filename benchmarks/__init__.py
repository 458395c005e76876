"""Speed and memory of gradtape beside its peers and beside NumPy written out by hand.

OpenBLAS threads that have nothing to do spin for 2**26 cycles, which slows down whichever
contestant comes next; 2**20 keeps them awake between two products and no longer. The variable
is read when NumPy is imported, so it is set here, before any module of this package does that.
"""

import os

os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")
