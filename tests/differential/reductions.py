"""Reductions, scans, segments, norms, clipping."""

from __future__ import annotations

import numpy as np

from tests.differential.topic import Topic, calls, spread

FLOAT = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_logsumexp reduce_variance reduce_std reduce_euclidean_norm"
WHOLE = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod"
SEGMENT = "segment_sum segment_mean segment_prod segment_max segment_min"
UNSORTED = "unsorted_segment_sum unsorted_segment_mean unsorted_segment_prod unsorted_segment_max unsorted_segment_min unsorted_segment_sqrt_n"

TOPICS = [
    Topic(
        "reductions",
        {
            "x": spread(2, 3, 4),
            "i": np.arange(6, dtype=np.int32).reshape(2, 3) - 2,
            "b": np.array([[True, False], [True, True]]),
        },
        [
            *[
                c
                for a in (
                    "x",
                    "x, axis=1",
                    "x, axis=[0, -1], keepdims=True",
                    "x, 2, True",
                    "x, axis=[]",
                )
                for c in calls(FLOAT, a)
            ],
            *[c for a in ("i", "i, axis=0", "i, axis=-1, keepdims=True") for c in calls(WHOLE, a)],
            *calls("reduce_all reduce_any", "b"),
            *calls("reduce_all reduce_any", "b, axis=1"),
            *calls("count_nonzero", "i"),
            *calls("count_nonzero", "x, axis=[0, 1]"),
            "tf.math.count_nonzero(x, dtype=tf.int32, keepdims=True)",
            "tf.math.zero_fraction(tf.nn.relu(x))",
            *calls("argmax argmin", "x"),
            *calls("argmax argmin", "x, axis=-1, output_type=tf.int32"),
            *calls("is_non_decreasing is_strictly_increasing", "i"),
            "tf.math.reduce_max(x, axis=tf.constant([0, 1]))",
        ],
        dtypes=("float32", "float64", "bfloat16"),
        slack=5.0,
    ),
    Topic(
        "reductions, special points",
        {
            "t": np.array([[1.0, 1.0, -2.0], [0.0, 3.0, 3.0]]),
            "z": np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0]]),
            "e": np.zeros((2, 0, 3)),
            "o": np.array(2.5),
            "f": np.array([[np.inf, 1.0], [-np.inf, -np.inf], [np.nan, 1.0]]),
            "k": spread(4) + 1j * spread(4, seed=3),
        },
        [
            *calls(FLOAT, "t, axis=1"),
            *calls("reduce_prod", "z, axis=1"),
            *calls("reduce_prod", "z"),
            *calls(
                "reduce_sum reduce_prod reduce_logsumexp reduce_mean reduce_max reduce_min reduce_variance reduce_std",
                "e, axis=1",
            ),
            *calls("reduce_sum reduce_prod reduce_mean", "e"),
            *calls(FLOAT, "o"),
            *calls(FLOAT, "f, axis=1"),
            *calls(
                "reduce_sum reduce_mean reduce_prod reduce_variance reduce_std reduce_euclidean_norm",
                "k",
            ),
            "tf.reduce_sum(tf.constant([1, 2], tf.int8))",
            "tf.reduce_mean(tf.constant([1, 2, 4]))",
            "tf.math.reduce_std(tf.ones([3]))",
            "tf.reduce_all(tf.zeros([0], tf.bool))",
            "tf.reduce_any(tf.zeros([0], tf.bool))",
        ],
        slack=2.0,
    ),
    Topic(
        "scans",
        {
            "x": spread(3, 4),
            "i": np.array([3, 1, 2], np.int32),
            "z": np.array([2.0, 0.0, 3.0, 4.0]),
            "zz": np.array([2.0, 0.0, 3.0, 0.0]),
        },
        [
            *[
                c
                for a in (
                    "x",
                    "x, axis=1",
                    "x, 1, True",
                    "x, -1, False, True",
                    "x, exclusive=True, reverse=True",
                )
                for c in calls("cumsum cumprod cumulative_logsumexp", a)
            ],
            *calls("cumsum cumprod", "i"),
            *calls("cumprod", "z"),
            *calls("cumprod", "zz, exclusive=True"),
            "tf.cumsum(x, axis=tf.constant(1))",
            "tf.cumsum(tf.zeros([0, 2]))",
            "tf.math.cumulative_logsumexp(tf.constant([-np.inf, 1.0, 2.0]))",
        ],
        dtypes=("float32", "float64"),
        slack=5.0,
    ),
    Topic(
        "segments",
        {
            "x": spread(5, 2),
            "s": np.array([0, 0, 1, 3, 3], np.int32),
            "u": np.array([2, 0, -1, 2, 1], np.int32),
            "t": np.array([[1.0], [1.0], [0.0], [0.0], [2.0]]),
            "i": np.array([1, 5, -2, 3, 4], np.int32),
        },
        [
            *calls(SEGMENT, "x, s"),
            *calls(SEGMENT, "t, s"),
            *calls("segment_sum segment_max segment_prod segment_mean segment_min", "i, s"),
            *calls(UNSORTED, "x, u, 4"),
            *calls(UNSORTED, "t, u, 3"),
            *calls(
                "unsorted_segment_sum unsorted_segment_max unsorted_segment_min unsorted_segment_prod",
                "i, u, 4",
            ),
            "tf.math.unsorted_segment_sum(x, tf.constant([[0, 1], [1, 1], [0, 0], [2, 2], [0, 2]]), 3)",
            "tf.math.segment_sum(x, tf.constant([0, 0, 0, 0, 0], tf.int64))",
            "tf.math.bincount(s)",
            "tf.math.bincount(s, minlength=6)",
            "tf.math.bincount(s, maxlength=2)",
            "tf.math.bincount(s, weights=tf.constant([1.0, 2.0, 3.0, 4.0, 5.0]))",
            "tf.math.bincount(s, dtype=tf.int64)",
            "tf.math.bincount(s, binary_output=True)",
            "tf.math.bincount(tf.constant([[0, 1, 1], [2, 2, 2]]), axis=-1)",
            "tf.math.confusion_matrix([1, 2, 4], [2, 2, 4])",
            "tf.math.confusion_matrix([1, 0], [1, 1], num_classes=3, dtype=tf.float32, weights=[0.5, 2.0])",
            "tf.histogram_fixed_width(x, [-2.0, 2.0], nbins=5)",
            "tf.histogram_fixed_width_bins(x, [-1.0, 1.0], nbins=4)",
        ],
        slack=2.0,
    ),
    Topic(
        "norms and clipping",
        {
            "x": spread(3, 4),
            "v": np.array([3.0, 4.0]),
            "z": np.zeros(3),
            "g": np.array([1.0, 2.0]),
            "k": spread(4) + 1j * spread(4, seed=3),
        },
        [
            *[
                f"tf.norm(x{a})"
                for a in (
                    "",
                    ", ord=1",
                    ", ord=np.inf",
                    ", ord=3",
                    ", axis=1",
                    ", ord=1, axis=0, keepdims=True",
                )
            ],
            *[
                f"tf.norm(x, {a}, axis=[0, 1])"
                for a in ("'fro'", "1", "np.inf", "2", "'euclidean'")
            ],
            "tf.norm(z)",
            "tf.norm(z, ord=1)",
            "tf.norm(k)",
            "tf.norm(k, ord=1)",
            "tf.linalg.normalize(x)",
            "tf.linalg.normalize(x, ord=1, axis=1)",
            "tf.linalg.normalize(z)",
            "tf.linalg.global_norm([x, v])",
            "tf.linalg.global_norm([x, None])",
            "tf.math.l2_normalize(x, axis=1)",
            "tf.nn.l2_normalize(z)",
            "tf.math.l2_normalize(x, axis=[0, 1], epsilon=0.5)",
            "tf.clip_by_norm(v, 1.0)",
            "tf.clip_by_norm(v, 10.0)",
            "tf.clip_by_norm(v, 5.0)",
            "tf.clip_by_norm(z, 1.0)",
            "tf.clip_by_norm(x, 1.0, axes=[1])",
            "tf.clip_by_global_norm([v, g], 1.0)",
            "tf.clip_by_global_norm([v, g], 100.0)",
            "tf.clip_by_global_norm([v, None], 1.0)",
            "tf.clip_by_global_norm([v, g], 1.0, use_norm=tf.constant(2.0))",
            "tf.clip_by_global_norm([v, tf.constant([np.inf])], 1.0)",
            "tf.clip_by_value(v, 3.0, 4.0)",
            "tf.clip_by_value(v, [0.0, 0.0], 3.5)",
            "tf.clip_by_value(tf.constant([1, 5, 9]), 2, 6)",
            "tf.nn.moments(x, axes=[0])",
            "tf.nn.moments(x, axes=[0, 1], keepdims=True)",
            "tf.nn.weighted_moments(x, [0], tf.constant([[1.0], [2.0], [0.5]]))",
        ],
        slack=5.0,
    ),
]
