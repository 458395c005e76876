"""`tf.data`: public names, re-exports only."""

from gradtape.api import data_experimental as experimental
from gradtape.api.left_out import refusing as _refusing
from gradtape.data.dataset import Dataset as Dataset
from gradtape.data.iterator import Iterator as Iterator
from gradtape.data.iterator import NumpyIterator as NumpyIterator
from gradtape.data.options import Options as Options
from gradtape.data.pipeline import AUTOTUNE as AUTOTUNE
from gradtape.data.plan import INFINITE as INFINITE_CARDINALITY
from gradtape.data.plan import UNKNOWN as UNKNOWN_CARDINALITY
from gradtape.data.specs import DatasetSpec as DatasetSpec

__getattr__ = _refusing("tf.data")
