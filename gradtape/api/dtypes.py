"""`tf.dtypes`: public names, re-exports only."""

from gradtape.api.left_out import refusing as _refusing
from gradtape.core.dtypes import DType as DType
from gradtape.core.dtypes import as_dtype as as_dtype
from gradtape.core.dtypes import bfloat16 as bfloat16
from gradtape.core.dtypes import bool_ as bool
from gradtape.core.dtypes import complex64 as complex64
from gradtape.core.dtypes import complex128 as complex128
from gradtape.core.dtypes import double as double
from gradtape.core.dtypes import float16 as float16
from gradtape.core.dtypes import float32 as float32
from gradtape.core.dtypes import float64 as float64
from gradtape.core.dtypes import half as half
from gradtape.core.dtypes import int8 as int8
from gradtape.core.dtypes import int16 as int16
from gradtape.core.dtypes import int32 as int32
from gradtape.core.dtypes import int64 as int64
from gradtape.core.dtypes import uint8 as uint8
from gradtape.core.dtypes import uint16 as uint16
from gradtape.core.dtypes import uint32 as uint32
from gradtape.core.dtypes import uint64 as uint64
from gradtape.ops.casting import bitcast as bitcast
from gradtape.ops.casting import cast as cast
from gradtape.ops.casting import saturate_cast as saturate_cast
from gradtape.ops.complexes import complex_of as complex

__getattr__ = _refusing("tf.dtypes")
