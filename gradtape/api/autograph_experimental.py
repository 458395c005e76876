"""`tf.autograph.experimental`: public names, re-exports only."""

from gradtape.graph.autograph import do_not_convert as do_not_convert
from gradtape.graph.autograph_rewriting import set_loop_options as set_loop_options
