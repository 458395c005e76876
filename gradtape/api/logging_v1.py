"""`tf.compat.v1.logging`: public names, re-exports only."""

from gradtape.core.logs import DEBUG as DEBUG
from gradtape.core.logs import ERROR as ERROR
from gradtape.core.logs import FATAL as FATAL
from gradtape.core.logs import INFO as INFO
from gradtape.core.logs import WARN as WARN
from gradtape.core.logs import debug as debug
from gradtape.core.logs import error as error
from gradtape.core.logs import get_verbosity as get_verbosity
from gradtape.core.logs import info as info
from gradtape.core.logs import set_verbosity as set_verbosity
from gradtape.core.logs import warning as warn
from gradtape.core.logs import warning as warning
