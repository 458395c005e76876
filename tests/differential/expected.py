"""The differences that are meant: a row of the documents, and the calls and aspects it explains."""

from __future__ import annotations

CTC = [
    "tf.nn.ctc_loss(l, x, tf.constant([3, 2]), tf.constant([6, 5]), blank_index=0)",
    "tf.nn.ctc_loss(l[:, :2], x, tf.constant([2, 2]), tf.constant([6, 5]), blank_index=0)",
    "tf.nn.ctc_loss(l[:, :2] - 1, x, tf.constant([2, 2]), tf.constant([6, 5]), blank_index=-1)",
    "tf.nn.ctc_loss(l[:, :2], tf.transpose(x, [1, 0, 2]), tf.constant([2, 2]), tf.constant([6, 5]), "
    "logits_time_major=False, blank_index=0)",
]

# words of a row in docs/differences.md, docs/kinks.md or docs/limits.md: {call: aspects}
EXPECTED: dict[str, dict[str, str]] = {
    # elementwise and special
    "plain numbers in `polyval`": {"tf.math.polyval([x, y, 2.0], x)": "error in value"},
    "| `lgamma`, `digamma` | 0 |": {"tf.math.lgamma(x)": "gradient"},
    "`digamma` at 0, `polygamma` and its derivatives at poles": {
        "tf.math.digamma(x)": "value, second",
        "tf.math.polygamma(tf.constant(1.0, p.dtype), p)": "gradient",
    },
    "`xlogy`, `xlog1py`, `xdivy` by x, at x = 0": {
        "tf.math.xlogy(a, b)": "gradient, second",
        "tf.math.xlog1py(a, b)": "gradient, second",
        "tf.math.xdivy(a, b)": "gradient, second",
    },
    "complex `xlogy`, `xlog1py`, `xdivy`": {"tf.math.xdivy(z, w)": "gradient, second"},
    "complex `squared_difference`, `linalg.det`, `linalg.slogdet`": {
        "tf.math.squared_difference(z, w)": "gradient, second",
        "tf.linalg.det(c)": "gradient, second",
        "tf.linalg.slogdet(c)": "gradient, second",
        "tf.math.reduce_prod(k)": "second",
    },
    "| `atan2(y, x)` | y = x = 0 |": {"tf.math.atan2(a, b)": "gradient, second"},
    "`pow(0, 0)`, `x**0` at 0": {
        "tf.math.pow(a, b)": "gradient, second",
        "x ** 0": "gradient, second",
    },
    "the dead branch of a `where` leaves no NaN": {
        "tf.where(x > 0, tf.math.log(x), x)": "gradient",
        "tf.where(x > 0, tf.sqrt(x), 0.0)": "second",
    },
    "`x ** 0.5` at -0 and -inf": {"x ** 0.5": "value"},
    "`abs`, `sign`, `angle` of a complex number": {"tf.math.angle(s)": "gradient, second"},
    "`betainc` by a and b, `zeta` by x": {
        "tf.math.betainc(a, b, u)": "gradient, second",
        "tf.math.zeta(p + 1.5, b)": "gradient, second",
        "tf.math.zeta(p, tf.constant(1.0, p.dtype))": "gradient",
    },
    "`bessel_i1` at 0": {
        "tf.math.bessel_i0(x)": "second",
        "tf.math.bessel_i1(x)": "gradient, second",
        "tf.math.bessel_i1e(x)": "second",
    },
    "`bessel_i1`, `bessel_j1` | 0": {"tf.math.special.bessel_j1(p)": "second"},
    "| `spence` | 1 |": {"tf.math.special.spence(p)": "second"},
    "`erf` of float64 infinities": {
        "tf.math.erf(x)": "value",
        "tf.math.special.expint(p)": "value",
    },
    "`igamma`, `igammac` at a = 0": {
        "tf.math.igamma(a, b)": "value, gradient",
        "tf.math.igammac(a, b)": "value, gradient",
    },
    # reductions, scans, segments, norms
    "`reduce_max`, `reduce_min` of nothing": {
        "tf.math.reduce_max(e, axis=1)": "error in value",
        "tf.math.reduce_min(e, axis=1)": "error in value",
    },
    "| `reduce_std` | all elements equal |": {
        "tf.math.reduce_std(o)": "gradient",
        "tf.math.reduce_std(x, axis=[])": "gradient",
    },
    "`segment_max`, `segment_min` | NaN among": {
        "tf.math.reduce_max(f, axis=1)": "gradient",
        "tf.math.reduce_min(f, axis=1)": "gradient",
    },
    "| `reduce_prod`, `cumprod`, `segment_prod` | zeros |": {
        "tf.math.reduce_prod(t, axis=1)": "second",
        "tf.math.reduce_prod(z, axis=1)": "second",
        "tf.math.reduce_prod(f, axis=1)": "second",
        "tf.math.unsorted_segment_prod(t, u, 3)": "second",
    },
    "`cumprod` at zeros": {
        "tf.math.cumprod(z)": "gradient, second",
        "tf.math.cumprod(zz, exclusive=True)": "gradient, second",
    },
    "`reduce_logsumexp` of a row of -inf": {
        "tf.math.reduce_logsumexp(f, axis=1)": "gradient, second",
        "tf.nn.softmax(r)": "value, gradient, second",
        "tf.nn.log_softmax(r)": "value, gradient, second",
    },
    "`norm`, `reduce_euclidean_norm`, `reduce_std` of complex numbers": {
        "tf.math.reduce_euclidean_norm(k)": "dtype, gradient, second",
        "tf.norm(k)": "dtype",
    },
    "`norm`, `reduce_std`, `linalg.normalize` at 0": {
        "tf.norm(z)": "gradient, second",
        "tf.linalg.normalize(z)": "value, gradient",
    },
    "second derivatives of `nn.moments`": {
        "tf.nn.moments(x, axes=[0])": "second",
        "tf.nn.moments(x, axes=[0, 1], keepdims=True)": "second",
        "tf.nn.moments(x, [0, 1, 2])": "second",
        "tf.nn.moments(x, [1, 2], keepdims=True)": "second",
        "tf.nn.moments(x, [0], shift=tf.constant(0.5))": "second",
    },
    # linear algebra, signals
    "gradient of `linalg.det` of a singular matrix": {"tf.linalg.det(one)": "error in gradient"},
    "`linalg.cholesky` of a matrix that is not positive definite": {
        "tf.linalg.cholesky(-one)": "error in value",
        "tf.linalg.logdet(one)": "error in value",
    },
    "`linalg.inv` of NaN": {"tf.linalg.inv(f)": "error in value"},
    "gradients of `rfft`, `irfft` and their like": {
        "tf.signal.rfft(x, [6])": "error in gradient",
        "tf.signal.irfft(z, [13])": "error in gradient",
        "tf.signal.irfft(z, [6])": "error in gradient",
        "tf.signal.rfft2d(y, [3, 8])": "error in gradient",
        "tf.signal.irfft2d(q, [3, 5])": "error in gradient",
    },
    # networks
    "`in_top_k` and `ctc_loss` of other floats than float32": {
        "tf.nn.in_top_k(i, x, 2)": "error in value",
        **dict.fromkeys(CTC, "error in value"),
    },
    "`gelu`, `silu` with `beta`, `compute_average_loss` of float64": {
        "tf.nn.compute_average_loss(x[0], sample_weight=u[0], global_batch_size=8)": "value, gradient, second",
        "tf.nn.gelu(x)": "second",
        "tf.nn.silu(x, beta=1.7)": "second",
    },
    "gradient of `elu` at NaN": {"tf.nn.elu(x)": "gradient, second"},
    "| `gelu`, `silu`, `softsign` at -inf, inf |": {
        "tf.nn.softsign(x)": "value",
        "tf.nn.silu(x)": "value, gradient",
        "tf.nn.gelu(x)": "value, gradient",
    },
    "`softmax_cross_entropy_with_logits` when labels do not sum to 1": {
        "tf.nn.softmax_cross_entropy_with_logits(t, x)": "second",
        "tf.nn.softmax_cross_entropy_with_logits(labels=t, logits=x, axis=0)": "gradient, second",
        "tf.nn.softmax_cross_entropy_with_logits(t, big)": "second",
        "tf.nn.softmax_cross_entropy_with_logits(u, x)": "gradient, second",
    },
    "`softmax_cross_entropy_with_logits` when labels and logits broadcast": {
        "tf.nn.softmax_cross_entropy_with_logits(t[:1], x)": "error in gradient",
    },
    "`weighted_cross_entropy_with_logits` at logits 0": {
        "tf.nn.weighted_cross_entropy_with_logits(u, big, pos_weight=0.3)": "gradient, second",
    },
    "`fused_batch_norm` with `is_training=False`": {
        "tf.compat.v1.nn.fused_batch_norm(x, s, o, m, v, is_training=False)[0]": "gradient, second",
        "tf.compat.v1.nn.fused_batch_norm(tf.transpose(x, [0, 3, 1, 2]), s, o, data_format='NCHW', "
        "mean=m, variance=v, is_training=False)[0]": "gradient, second",
    },
    "cotangents of the batch's mean and variance": {
        "tf.compat.v1.nn.fused_batch_norm(x, s, o)[1:]": "gradient, second",
    },
    "gradient of `embedding_lookup` of several tables": {
        "tf.nn.embedding_lookup([e, f], tf.constant([0, 1, 7]))": "gradient",
    },
    "`ctc_loss`, second derivatives": dict.fromkeys(CTC, "second"),
    "`ctc_beam_search_decoder` with narrow beams": {
        "tf.nn.ctc_beam_search_decoder(x, tf.constant([6, 6]), beam_width=4)[1]": "value",
    },
    "`tf.nn.isotonic_regression`": {"tf.nn.isotonic_regression(e)": "error in value"},
    "volumes without `data_format`": {
        "tf.nn.convolution(y, g, padding='SAME')": "error in gradient",
        "tf.nn.max_pool(y, 2, 2, 'SAME')": "error in gradient",
        "tf.nn.avg_pool(y, 2, 2, 'SAME')": "error in gradient",
    },
    # images
    "| `crop_and_resize` by the boxes |": {
        "tf.image.crop_and_resize(x, b, [0, 1], [3, 3])": "gradient",
        "tf.image.crop_and_resize(x, b, [1, 0], [2, 4], extrapolation_value=0.5)": "gradient",
    },
    '`crop_and_resize` with "nearest"': {
        "tf.image.crop_and_resize(x, b, [0, 1], [3, 3], method='nearest')": "gradient",
    },
    "`hsv_to_rgb`": {"tf.image.hsv_to_rgb(x)": "gradient"},
    # values, dtypes, exceptions
    "`tf.constant(300, tf.uint8)`": {
        "tf.constant(300, tf.uint8)": "error in value",
        "tf.constant(-1, tf.uint8)": "error in value",
    },
    "`tf.constant(np.array([1.5]), tf.int32)`": {
        "tf.constant(np.ones(2), tf.int32)": "error in value",
    },
    "`tf.constant([x, 2.0])` with a tensor x": {
        "tf.constant([x, x])": "error in value",
        "tf.constant([s, 2.0])": "error in value",
    },
    "`tf.constant(3, int)`": {
        "tf.constant(3, int)": "error in value",
        "tf.as_dtype(complex)": "error in value",
    },
    "`float(x)`, `int(x)` of one element with axes": {"float(one)": "error in value"},
    "`len`, `ndim` of a variable, `assign_sub` of a number": {
        "len(v)": "error in value",
        "v.ndim": "error in value",
        "v.assign_sub(1.0)": "error in value",
        "v.assign([1.0, 2.0, 3.0], read_value=False)": "kind",
    },
    "`len` of a shape of unknown rank": {"len(tf.TensorShape(None))": "error in value"},
    "`tf.identity`, `tf.stop_gradient` of `IndexedSlices`": {
        "tf.identity(g)": "kind",
        "tf.stop_gradient(g)": "kind",
    },
    "names of types": {"tape, x = x + 1()": "value"},
    "arguments of a wrong dtype or number of channels": {
        "tf.nn.conv2d(x, f, [2, 1, 1, 1], 'VALID')": "error in value",
        "tf.image.rgb_to_hsv(x[..., :2])": "error in value",
        "tf.random.normal([2], dtype=tf.int32)": "error in value",
        "tf.math.betainc(1.0, 2.0, i)": "error in value",
        "tf.complex(i, i)": "error in value",
    },
    "values that cannot become a tensor": {"tf.cast('a', tf.float32)": "error in value"},
    "`tf.meshgrid`, `tf.print`, `tf.group`": {
        "tf.meshgrid": "parameters",
        "tf.print": "parameters",
        "tf.group": "parameters",
        "tf.nest.map_structure": "parameters",
    },
    "`tf.random.create_rng_state` without `alg`": {
        "tf.random.create_rng_state": "parameters",
    },
    "second derivatives of `betainc` at 0 and 1": {
        "tf.math.betainc(tf.stop_gradient(u + 1), tf.stop_gradient(u + 2), u)": "second",
    },
    "| `fftnd`, `ifftnd`, `rfftnd`, `irfftnd` |": {
        "tf.fftnd": "parameters",
        "tf.ifftnd": "parameters",
        "tf.rfftnd": "parameters",
        "tf.irfftnd": "parameters",
    },
    # tapes
    "`tape.watch` before the tape was entered": {"tape, watch outside()": "error in value"},
    "`output_gradients=[a, b]` for a single target": {
        "tape, output gradients, one target and a list()": "value",
    },
    "gradient of `random.shuffle`": {"tape, shuffle()": "kind"},
}
