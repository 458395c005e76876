"""The array namespace of compiled execution: `jax.numpy` and the verbs of every topic.

It has the same names as `core.xp_numpy.xp`; a kernel cannot tell them apart but by speed.
"""

import gradtape.graph.xp_jax_control
import gradtape.graph.xp_jax_convolution
import gradtape.graph.xp_jax_effects
import gradtape.graph.xp_jax_error_functions
import gradtape.graph.xp_jax_fft
import gradtape.graph.xp_jax_indexing
import gradtape.graph.xp_jax_linalg
import gradtape.graph.xp_jax_logarithms
import gradtape.graph.xp_jax_loops
import gradtape.graph.xp_jax_ordering
import gradtape.graph.xp_jax_pooling
import gradtape.graph.xp_jax_products
import gradtape.graph.xp_jax_random
import gradtape.graph.xp_jax_reductions
import gradtape.graph.xp_jax_scans
import gradtape.graph.xp_jax_special
import gradtape.graph.xp_jax_transposing
import gradtape.graph.xp_jax_trigonometric  # noqa: F401
from gradtape.graph.xp_jax_base import xp as xp
