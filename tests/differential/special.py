"""Special functions, where they are defined and at the ends of their ranges."""

from __future__ import annotations

import numpy as np

from tests.differential.topic import Topic, calls

BESSEL = "bessel_i0 bessel_i0e bessel_i1 bessel_i1e"

ENDS = [0.0, 1e-3, 1.0, 20.0, np.inf, np.nan]

TOPICS = [
    Topic(
        "special functions",
        {
            "x": np.array([-2.2, -0.7, 0.4, 1.3, 3.1]),
            "p": np.array([0.2, 0.8, 1.5, 3.0, 6.5]),
            "a": np.array([0.5, 1.2, 2.5, 3.0, 5.5]),
            "b": np.array([1.5, 0.7, 2.0, 4.0, 1.25]),
            "u": np.array([0.1, 0.35, 0.5, 0.75, 0.9]),
            "n": np.array([0.0, 1.0, 2.0, 3.0, 1.0]),
            "m": np.array([[0.5, 1.5], [2.0, 0.3]]),
        },
        [
            *calls(BESSEL, "x"),
            *calls(
                f"{BESSEL} bessel_j0 bessel_j1 bessel_y0 bessel_y1 bessel_k0 bessel_k0e bessel_k1 bessel_k1e",
                "p",
                "tf.math.special",
            ),
            *calls("dawsn expint fresnel_cos fresnel_sin spence", "p", "tf.math.special"),
            *calls("dawsn fresnel_cos fresnel_sin bessel_j0 bessel_j1", "x", "tf.math.special"),
            *calls("lgamma digamma erf erfc", "x"),
            *calls("igamma igammac", "a, p"),
            *calls("betainc", "a, b, u"),
            *calls("polygamma", "n, p"),
            *calls("zeta", "p + 1.5, b"),
            *calls("ndtri erfcinv", "u"),
            "tf.math.erfinv(2 * u - 1)",
            "tf.math.lbeta(m)",
            "tf.math.lbeta(p)",
        ],
        dtypes=("float32", "float64"),
        slack=10.0,
    ),
    Topic(
        "special functions, ends",
        {
            "x": np.array([0.0, -1.0, 1.0, -2.0, 10.0, -10.0, np.inf, -np.inf, np.nan]),
            "p": np.array(ENDS),
            "a": np.repeat(ENDS, len(ENDS)),
            "b": np.tile(ENDS, len(ENDS)),
            "u": np.array([0.0, 1.0, 0.5, np.nan, 2.0]),
        },
        [
            *calls(f"{BESSEL} lgamma digamma erf erfc", "x"),
            *calls(
                "bessel_j0 bessel_j1 bessel_y0 bessel_y1 bessel_k0 bessel_k0e bessel_k1 bessel_k1e",
                "p",
                "tf.math.special",
            ),
            *calls("dawsn expint fresnel_cos fresnel_sin spence", "p", "tf.math.special"),
            *calls("erfinv ndtri erfcinv", "u"),
            *calls("igamma igammac", "a, b"),
            "tf.math.betainc(tf.stop_gradient(u + 1), tf.stop_gradient(u + 2), u)",
            "tf.math.zeta(p, tf.constant(1.0, p.dtype))",
            "tf.math.polygamma(tf.constant(1.0, p.dtype), p)",
            "tf.math.lbeta(tf.zeros([0]))",
            "tf.math.lbeta(tf.zeros([2]))",
        ],
        dtypes=("float64",),
        slack=1e4,
    ),
]
