"""The verb of convolution on XLA."""

from __future__ import annotations

from typing import Any

import jax

from gradtape.graph.xp_jax_base import verb


@verb
def convolve(
    x: Any, w: Any, strides: Any, padding: Any, dilations: Any, input_dilations: Any, groups: int
) -> Any:
    """Correlate x (n, *space, groups * c) with w (*window, c, out): the result is (n, *places,
    out).
    """
    space = "DHW"[-len(strides) :] if len(strides) <= 3 else "ABDEFGHJKLMPQR"[: len(strides)]
    layout = (f"N{space}C", f"{space}IO", f"N{space}C")
    return jax.lax.conv_general_dilated(
        x,
        w,
        strides,
        padding,
        lhs_dilation=input_dilations,
        rhs_dilation=dilations,
        dimension_numbers=layout,
        feature_group_count=groups,
    )
