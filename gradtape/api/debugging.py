"""`tf.debugging`: public names, re-exports only."""

from gradtape.api.left_out import refusing as _refusing
from gradtape.autodiff.finite import debug_nans as debug_nans
from gradtape.autodiff.finite import disable_check_numerics as disable_check_numerics
from gradtape.autodiff.finite import enable_check_numerics as enable_check_numerics
from gradtape.autodiff.history import debug_gradients as debug_gradients
from gradtape.ops.assertions import Assert as Assert
from gradtape.ops.assertions import assert_all_finite as assert_all_finite
from gradtape.ops.assertions import assert_equal as assert_equal
from gradtape.ops.assertions import assert_greater as assert_greater
from gradtape.ops.assertions import assert_greater_equal as assert_greater_equal
from gradtape.ops.assertions import assert_less as assert_less
from gradtape.ops.assertions import assert_less_equal as assert_less_equal
from gradtape.ops.assertions import assert_near as assert_near
from gradtape.ops.assertions import assert_negative as assert_negative
from gradtape.ops.assertions import assert_non_negative as assert_non_negative
from gradtape.ops.assertions import assert_non_positive as assert_non_positive
from gradtape.ops.assertions import assert_none_equal as assert_none_equal
from gradtape.ops.assertions import assert_positive as assert_positive
from gradtape.ops.assertions import check_numerics as check_numerics
from gradtape.ops.shape_assertions import assert_integer as assert_integer
from gradtape.ops.shape_assertions import assert_proper_iterable as assert_proper_iterable
from gradtape.ops.shape_assertions import assert_rank as assert_rank
from gradtape.ops.shape_assertions import assert_rank_at_least as assert_rank_at_least
from gradtape.ops.shape_assertions import assert_rank_in as assert_rank_in
from gradtape.ops.shape_assertions import assert_same_float_dtype as assert_same_float_dtype
from gradtape.ops.shape_assertions import assert_scalar as assert_scalar
from gradtape.ops.shape_assertions import assert_shapes as assert_shapes
from gradtape.ops.shape_assertions import assert_type as assert_type
from gradtape.ops.shape_assertions import is_numeric_tensor as is_numeric_tensor

__getattr__ = _refusing("tf.debugging")
