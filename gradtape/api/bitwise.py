"""`tf.bitwise`: public names, re-exports only."""

from gradtape.ops.bitwise import bitwise_and as bitwise_and
from gradtape.ops.bitwise import bitwise_or as bitwise_or
from gradtape.ops.bitwise import bitwise_xor as bitwise_xor
from gradtape.ops.bitwise import invert as invert
from gradtape.ops.bitwise import left_shift as left_shift
from gradtape.ops.bitwise import right_shift as right_shift
