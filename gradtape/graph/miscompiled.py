"""Machine code in which XLA is known to compute wrong numbers, found by its text and made again.

XLA's compiler for a CPU hands a product of matrices together with a sum or a maximum over it to a
library of kernels (jaxlib 0.10). Where the second factor holds one number everywhere, such as the
ones that a gradient starts with, the kernel reads memory that is not its own:
`sum(x @ ones([64, 64]))` gives 1e27 or nan. Compiled with the products apart it is right. All else
is a little slower so: hence only such programs are, and those whose text nobody sees."""

from __future__ import annotations

import os
import re

OPTION = "xla_cpu_experimental_ynn_fusion_type"
APART = {OPTION: "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION"}

FUSED = "__ynn_fusion"
OF_ONE_NUMBER = re.compile(r"(%[\w.-]+) = \S+ broadcast\([^)]*\), dimensions=\{\}")
SECOND_FACTOR = re.compile(r" dot\(%[\w.-]+, (%[\w.-]+)\)")


def suspicious(text: str) -> bool:
    """Whether a program may compute wrong numbers.

    Args:
        text: what the compiler made, as the text of its modules.
    """
    if FUSED not in text or OPTION in os.environ.get("XLA_FLAGS", ""):
        return False
    uniform = set(OF_ONE_NUMBER.findall(text))
    return any([name in uniform for name in SECOND_FACTOR.findall(text)])
