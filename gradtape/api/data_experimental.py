"""`tf.data.experimental`: public names, re-exports only."""

from gradtape.api.left_out import refusing as _refusing
from gradtape.data.dataset import Dataset as _Dataset
from gradtape.data.experimental import AutoShardPolicy as AutoShardPolicy
from gradtape.data.experimental import assert_cardinality as assert_cardinality
from gradtape.data.experimental import bucket_by_sequence_length as bucket_by_sequence_length
from gradtape.data.experimental import cardinality as cardinality
from gradtape.data.experimental import counter as Counter
from gradtape.data.experimental import enumerate_dataset as enumerate_dataset
from gradtape.data.experimental import from_list as from_list
from gradtape.data.experimental import get_next_as_optional as get_next_as_optional
from gradtape.data.experimental import get_single_element as get_single_element
from gradtape.data.experimental import get_structure as get_structure
from gradtape.data.experimental import group_by_window as group_by_window
from gradtape.data.experimental import ignore_errors as ignore_errors
from gradtape.data.experimental import map_and_batch as map_and_batch
from gradtape.data.experimental import prefetch_to_device as prefetch_to_device
from gradtape.data.experimental import scan as scan
from gradtape.data.experimental import shuffle_and_repeat as shuffle_and_repeat
from gradtape.data.experimental import take_while as take_while
from gradtape.data.experimental import unbatch as unbatch
from gradtape.data.experimental import unique as unique
from gradtape.data.iterator import Optional as Optional
from gradtape.data.pipeline import AUTOTUNE as AUTOTUNE
from gradtape.data.plan import INFINITE as INFINITE_CARDINALITY
from gradtape.data.plan import UNKNOWN as UNKNOWN_CARDINALITY

sample_from_datasets = _Dataset.sample_from_datasets
choose_from_datasets = _Dataset.choose_from_datasets
__getattr__ = _refusing("tf.data.experimental")
