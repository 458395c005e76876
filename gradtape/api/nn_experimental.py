"""`tf.nn.experimental`: public names, re-exports only."""

from gradtape.ops.dropout import stateless_dropout as stateless_dropout
