"""Elementwise mathematics: ordinary and special points, every dtype."""

from __future__ import annotations

import numpy as np

from tests.differential.topic import Topic, calls, spread

UNARY = (
    "abs negative sign square exp expm1 sin cos tan sinh cosh tanh atan asinh erf erfc sigmoid softplus "
    "ceil floor round rint reciprocal_no_nan log_sigmoid is_nan is_inf is_finite"
)
POSITIVE = "log log1p sqrt rsqrt reciprocal acosh lgamma digamma"
UNIT = "asin acos atanh erfinv"
PAIRS = (
    "add subtract multiply divide maximum minimum squared_difference floordiv floormod mod truediv "
    "divide_no_nan multiply_no_nan xlogy xlog1py xdivy atan2 pow equal not_equal less less_equal "
    "greater greater_equal nextafter"
)
FLOATS = ("float16", "bfloat16", "float32", "float64")
ENDS = [0.0, -0.0, 1.0, -1.0, 2.0, 100.0, -100.0, np.inf, -np.inf, np.nan]

TOPICS = [
    Topic(
        "elementwise, ordinary points",
        {
            "x": np.array([-2.5, -1.3, -0.5, 0.3, 1.2, 2.25, 4.5]),
            "y": np.array([1.5, -0.7, 2.5, 3.0, 0.25, -1.75, 0.5]),
            "p": np.array([0.1, 0.5, 1.25, 2.0, 3.5, 7.0]),
            "q": np.array([1.5, 0.3, 2.25, 1.0, 0.75, 3.0]),
            "u": np.array([-0.9, -0.5, -0.1, 0.2, 0.75]),
        },
        [
            *calls(UNARY, "x"),
            *calls("log log1p sqrt rsqrt reciprocal lgamma digamma", "p"),
            "tf.math.acosh(p + 1)",
            *calls(UNIT, "u"),
            *calls("erfcinv ndtri", "u * 0.5 + 0.5"),
            *[c for c in calls(PAIRS, "x, y") if "xlog" not in c and "pow" not in c],
            *calls("xlogy xlog1py pow", "x, tf.abs(y)"),
            *calls("pow", "p, q"),
            "tf.truncatediv(tf.cast(x * 10, tf.int32), tf.cast(y * 4, tf.int32))",
            "tf.truncatemod(x, y)",
            "tf.math.scalar_mul(2.5, x)",
            "tf.math.add_n([x, y, x])",
            "tf.math.accumulate_n([x, y])",
            "tf.math.polyval([x, y, 2.0], x)",
            "tf.where(x > 0, x, y)",
            "tf.clip_by_value(x, -1.0, 1.5)",
            "tf.clip_by_value(x, y - 1, y + 1)",
            "tf.stop_gradient(x) * x",
            "tf.identity(x) * 2",
            "x[:, None] * y[None, :]",
            "tf.math.atan2(x[:, None], y)",
        ],
        dtypes=FLOATS,
        slack=2.0,
    ),
    Topic(
        "elementwise, special points",
        {
            "x": np.array(ENDS),
            "a": np.repeat(ENDS, len(ENDS)),
            "b": np.tile(ENDS, len(ENDS)),
            "h": np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
            "big": np.array([1e30, -1e30, 3e38, 1e-38, -1e-38, 88.0, -88.0, 700.0]),
        },
        [
            *calls(UNARY, "x"),
            *calls(POSITIVE, "x"),
            *calls(UNIT, "x"),
            *calls("erfcinv ndtri", "x"),
            *calls(PAIRS, "a, b"),
            *calls("round rint ceil floor", "h"),
            *calls(
                "exp expm1 log1p square sigmoid softplus tanh erf atan asinh log_sigmoid", "big"
            ),
            "tf.truncatemod(a, b)",
            "tf.where(x > 0, tf.math.log(x), x)",
            "tf.where(x > 0, tf.sqrt(x), 0.0)",
            "tf.where(tf.math.is_finite(x), x, tf.zeros_like(x))",
            "tf.clip_by_value(x, -1.0, 1.0)",
            "x ** 2",
            "x ** 0",
            "x ** -1",
            "x ** 0.5",
            "2.0 ** x",
            "x / 0.0",
            "x // 2.0",
            "x % 2.0",
            "abs(x)",
            "-x",
        ],
        slack=2.0,
    ),
    Topic(
        "elementwise, complex",
        {
            "z": spread(6, seed=1) + 1j * spread(6, seed=2),
            "w": spread(6, seed=3) + 1j * spread(6, seed=4),
            "s": np.array([0j, 1 + 0j, -1 + 0j, 1j, -1j]),
            "x": spread(6, seed=5),
            "y": spread(6, seed=6),
        },
        [
            *calls(
                "abs negative square exp expm1 sin cos tan sinh cosh tanh sqrt rsqrt log log1p reciprocal "
                "sigmoid conj real imag angle asinh acosh atanh asin acos atan reciprocal_no_nan",
                "z",
            ),
            *calls(
                "add subtract multiply divide pow squared_difference divide_no_nan xdivy equal not_equal",
                "z, w",
            ),
            *calls("abs square exp sqrt log angle real conj", "s"),
            "tf.complex(x, y)",
            "tf.complex(x, y) * z",
            "tf.math.real(z * z)",
            "tf.cast(x, z.dtype) * z",
            "tf.cast(z, x.dtype)",
            "z ** 2",
            "z * 2",
            "tf.reduce_sum(tf.abs(z) ** 2)",
            "tf.where(x > 0, z, w)",
            "tf.math.is_nan(tf.math.real(z))",
        ],
        dtypes=("float32", "float64"),
        slack=2.0,
    ),
    Topic(
        "elementwise, integers and booleans",
        {
            "i": np.array([-7, -1, 0, 3, 7], np.int32),
            "j": np.array([2, -3, 5, -2, 4], np.int32),
            "k": np.array([-7, -1, 0, 3, 100], np.int8),
            "n": np.array([0, 1, 200, 255], np.uint8),
            "l": np.array([2**40, -3, 5], np.int64),
            "b": np.array([True, False, True]),
            "c": np.array([True, True, False]),
        },
        [
            *calls("abs negative sign square", "i"),
            *calls(
                "add subtract multiply divide maximum minimum floordiv floormod mod truediv squared_difference "
                "equal not_equal less less_equal greater greater_equal",
                "i, j",
            ),
            "tf.truncatediv(i, j)",
            "tf.truncatemod(i, j)",
            "i / j",
            "i // j",
            "i % j",
            "i ** 2",
            "k + k",
            "k * 2",
            "n + n",
            "n / n",
            "abs(k)",
            "l * l",
            "l / l",
            "tf.math.divide(i, 2)",
            "tf.pow(i, 3)",
            "tf.math.floor(i)",
            "tf.math.round(i)",
            "tf.math.exp(i)",
            "tf.math.sqrt(i)",
            *calls("bitwise_and bitwise_or bitwise_xor", "i, j", "tf.bitwise"),
            "tf.bitwise.invert(n)",
            "tf.bitwise.left_shift(n, tf.constant([1, 2, 1, 3], tf.uint8))",
            "tf.bitwise.right_shift(k, tf.constant([1, 2, 1, 3, 4], tf.int8))",
            *calls("logical_and logical_or logical_xor equal not_equal", "b, c"),
            "tf.math.logical_not(b)",
            "b & c",
            "b | c",
            "b ^ c",
            "~b",
            "i & j",
            "~i",
            "b == c",
            "b + c",
            "tf.math.reduce_sum(b)",
            "tf.cast(b, tf.float32) + 1",
            "tf.cast(tf.constant([1.7, -1.7]), tf.int32)",
            "tf.cast(tf.constant([0.0, 2.0]), tf.bool)",
            "tf.cast(i, tf.uint8)",
            "tf.saturate_cast(i, tf.uint8)",
            "tf.saturate_cast(tf.constant([1e10, -1e10, 3.7]), tf.int32)",
            "tf.bitcast(i, tf.float32)",
            "tf.bitcast(i, tf.uint8)",
        ],
    ),
]
