"""Convolutions, transposed convolutions, pooling, dilation: paddings, strides, formats, dilations."""

from __future__ import annotations

from tests.differential.topic import Topic, spread

PADDINGS = ("'VALID'", "'SAME'")

TOPICS = [
    Topic(
        "convolution",
        {
            "a": spread(2, 9, 2),
            "f1": spread(3, 2, 3, seed=1),
            "x": spread(2, 7, 6, 2, seed=2),
            "f": spread(3, 2, 2, 3, seed=3),
            "fg": spread(3, 2, 1, 4, seed=4),
            "d": spread(3, 2, 2, 2, seed=5),
            "pw": spread(1, 1, 4, 3, seed=6),
            "y": spread(1, 4, 5, 4, 2, seed=7),
            "g": spread(2, 3, 2, 2, 3, seed=8),
        },
        [
            *[f"tf.nn.conv1d(a, f1, {s}, {p})" for s in (1, 2, 4) for p in PADDINGS],
            "tf.nn.conv1d(a, f1, stride=1, padding='SAME', dilations=2)",
            "tf.nn.conv1d(a, f1, stride=1, padding='VALID', dilations=[1, 3, 1])",
            "tf.nn.conv1d(a, f1, 1, 'CAUSAL')",
            *[
                f"tf.nn.conv2d(x, f, {s}, {p})"
                for s in (1, 2, "[1, 2, 3, 1]", "[2, 1]")
                for p in PADDINGS
            ],
            *[
                f"tf.nn.conv2d(x, f, 1, {p}, dilations={d})"
                for d in (2, "[1, 2, 1, 1]", "[3, 2]")
                for p in PADDINGS
            ],
            "tf.nn.conv2d(x, f, 1, [[0, 0], [1, 2], [0, 3], [0, 0]])",
            "tf.nn.conv2d(x, f, [1, 2, 2, 1], [[0, 0], [1, 2], [0, 3], [0, 0]])",
            "tf.nn.conv2d(x, f, [1, 2, 2, 1], 'SAME', dilations=2)",
            "tf.nn.conv2d(x, fg, 1, 'SAME')",
            "tf.nn.conv2d(x[None], f, 1, 'SAME')",
            "tf.nn.conv2d(x[0], f, 1, 'SAME')",
            "tf.nn.conv2d(x, f[:, :, :1, :2], 1, 'VALID')",
            "tf.nn.conv2d(x, f[:, :, :1, :3], 1, 'VALID')",
            "tf.nn.conv2d(x, f, 0, 'VALID')",
            "tf.nn.conv2d(x, f, -1, 'VALID')",
            "tf.nn.conv2d(x, f, 1, 'FULL')",
            "tf.nn.conv2d(x, f, [2, 1, 1, 1], 'VALID')",
            "tf.nn.conv2d(x, f, 1, 'VALID', data_format='NWHC')",
            *[
                f"tf.nn.conv3d(y, g, {s}, {p})"
                for s in ("[1, 1, 1, 1, 1]", "[1, 2, 1, 2, 1]")
                for p in PADDINGS
            ],
            "tf.nn.conv3d(y, g, [1, 1, 1, 1, 1], 'SAME', dilations=[1, 1, 1, 1, 1])",
            *[
                f"tf.nn.depthwise_conv2d(x, d, {s}, {p})"
                for s in ("[1, 1, 1, 1]", "[1, 2, 2, 1]")
                for p in PADDINGS
            ],
            *[
                f"tf.nn.depthwise_conv2d(x, d, [1, 1, 1, 1], {p}, dilations=[2, 2])"
                for p in PADDINGS
            ],
            "tf.nn.depthwise_conv2d(x, d, [1, 1, 1, 1], [[0, 0], [1, 0], [2, 1], [0, 0]])",
            *[
                f"tf.nn.separable_conv2d(x, d, pw, [1, {s}, {s}, 1], {p})"
                for s in (1, 2)
                for p in PADDINGS
            ],
            "tf.nn.separable_conv2d(x, d, pw, [1, 1, 1, 1], 'SAME', dilations=[2, 2])",
            *[
                f"tf.nn.convolution(x, f, {s}, {p})"
                for s in ("None", 2, "[1, 2]")
                for p in PADDINGS
            ],
            "tf.nn.convolution(x, f, padding='SAME', dilations=[2, 1])",
            "tf.nn.convolution(a, f1, padding='SAME')",
            "tf.nn.convolution(a, f1, padding='VALID', dilations=2)",
            "tf.nn.convolution(y, g, padding='SAME')",
            *[f"tf.nn.atrous_conv2d(x, f, {r}, {p})" for r in (1, 2) for p in PADDINGS],
        ],
        dtypes=("float32", "float64", "bfloat16"),
        slack=10.0,
    ),
    Topic(
        "transposed convolution",
        {
            "a": spread(2, 4, 3),
            "f1": spread(3, 2, 3, seed=1),
            "x": spread(2, 3, 4, 3, seed=2),
            "f": spread(3, 2, 2, 3, seed=3),
            "y": spread(1, 2, 3, 2, 3, seed=4),
            "g": spread(2, 2, 2, 2, 3, seed=5),
        },
        [
            "tf.nn.conv1d_transpose(a, f1, [2, 8, 2], 2)",
            "tf.nn.conv1d_transpose(a, f1, [2, 7, 2], strides=2)",
            "tf.nn.conv1d_transpose(a, f1, [2, 9, 2], 2, padding='VALID')",
            "tf.nn.conv1d_transpose(a, f1, [2, 20, 2], 2)",
            "tf.nn.conv2d_transpose(x, f, [2, 6, 8, 2], 2)",
            "tf.nn.conv2d_transpose(x, f, [2, 5, 7, 2], [1, 2, 2, 1])",
            "tf.nn.conv2d_transpose(x, f, tf.constant([2, 7, 8, 2]), 2, padding='VALID')",
            "tf.nn.conv2d_transpose(x, f, [2, 3, 4, 2], 1)",
            "tf.nn.conv2d_transpose(x, f, [2, 5, 5, 2], 1, 'VALID')",
            "tf.nn.conv2d_transpose(x, f, [2, 6, 8, 3], 2)",
            "tf.nn.conv2d_transpose(x, f, [2, 9, 8, 2], 2)",
            "tf.nn.conv3d_transpose(y, g, [1, 4, 6, 4, 2], 2)",
            "tf.nn.conv3d_transpose(y, g, [1, 3, 4, 3, 2], 1, padding='VALID')",
            "tf.nn.conv_transpose(x, f, [2, 6, 8, 2], 2)",
            "tf.nn.conv_transpose(a, f1, [2, 8, 2], 2)",
            "tf.nn.conv_transpose(y, g, [1, 4, 6, 4, 2], 2)",
            "tf.nn.atrous_conv2d_transpose(x, f, [2, 3, 4, 2], 1, 'SAME')",
            "tf.nn.atrous_conv2d_transpose(x, f, [2, 7, 6, 2], 2, 'VALID')",
        ],
        dtypes=("float32", "float64", "bfloat16"),
        slack=10.0,
    ),
    Topic(
        "pooling",
        {
            "a": spread(2, 9, 2),
            "x": spread(2, 7, 6, 2, seed=2),
            "n": spread(2, 2, 7, 6, seed=2),
            "y": spread(1, 4, 5, 4, 2, seed=7),
            "t": spread(1, 4, 4, 1, seed=3).round(),
            "k": spread(3, 2, 2, seed=4),
        },
        [
            *[
                f"tf.nn.{kind}_pool1d(a, {w}, {s}, {p})"
                for kind in ("max", "avg")
                for w, s in ((2, 2), (3, 1))
                for p in PADDINGS
            ],
            *[
                f"tf.nn.{kind}_pool2d(x, {w}, {s}, {p})"
                for kind in ("max", "avg")
                for w, s in ((2, 2), (3, 1), ("[1, 3, 2, 1]", "[1, 2, 1, 1]"), ("[3, 2]", "[1, 3]"))
                for p in PADDINGS
            ],
            *[
                f"tf.nn.{kind}_pool3d(y, {w}, {s}, {p})"
                for kind in ("max", "avg")
                for w, s in ((2, 2), ("[1, 2, 3, 2, 1]", 1))
                for p in PADDINGS
            ],
            *[f"tf.nn.{kind}_pool({i}, 2, 2, 'SAME')" for kind in ("max", "avg") for i in "axy"],
            "tf.nn.max_pool2d(x, 3, 2, [[0, 0], [1, 1], [0, 1], [0, 0]])",
            "tf.nn.max_pool2d(t, 2, 2, 'VALID')",
            "tf.nn.max_pool2d(t, 3, 1, 'SAME')",
            "tf.nn.max_pool_with_argmax(x, 2, 2, 'SAME')",
            "tf.nn.max_pool_with_argmax(x, [1, 3, 3, 1], [1, 2, 2, 1], 'VALID', include_batch_in_index=True)",
            "tf.nn.max_pool_with_argmax(x, 2, 2, 'VALID', output_dtype=tf.int32)",
            *[
                f"tf.nn.pool(x, [2, 3], '{kind}', padding={p})"
                for kind in ("MAX", "AVG")
                for p in PADDINGS
            ],
            "tf.nn.pool(x, [2, 2], 'MAX', strides=[2, 2])",
            "tf.nn.pool(x, [2, 2], 'AVG', dilations=[2, 2])",
            "tf.nn.pool(a, [2], 'MAX', strides=[2], padding='SAME')",
            "tf.nn.pool(y, [2, 2, 2], 'AVG', padding='SAME')",
            "tf.nn.pool(x, [2, 2], 'SUM')",
            *[
                f"tf.nn.dilation2d(x, k, [1, {s}, {s}, 1], {p}, 'NHWC', [1, {r}, {r}, 1])"
                for s, r in ((1, 1), (2, 1), (1, 2))
                for p in PADDINGS
            ],
            *[f"tf.nn.erosion2d(x, k, [1, 1, 1, 1], {p}, 'NHWC', [1, 1, 1, 1])" for p in PADDINGS],
            "tf.nn.max_pool2d(x, 0, 1, 'VALID')",
            "tf.nn.max_pool2d(x, 2, 0, 'VALID')",
            "tf.nn.avg_pool2d(x[0], 2, 2, 'VALID')",
            "tf.nn.avg_pool2d(x, 2, 2, 'same')",
            "tf.nn.max_pool2d(x, 2, 2, 'NONE')",
        ],
        dtypes=("float32", "float64", "bfloat16"),
        slack=10.0,
    ),
]
