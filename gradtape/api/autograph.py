"""`tf.autograph`: public names, re-exports only."""

from gradtape.api import autograph_experimental as experimental
from gradtape.graph.autograph import do_not_convert as do_not_convert
from gradtape.graph.autograph import to_code as to_code
from gradtape.graph.autograph import to_graph as to_graph
