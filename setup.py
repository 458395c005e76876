"""Build the extensions where there is a C compiler; all else is in `pyproject.toml`.

Without a compiler the installation goes on: the same programs then run on Python code alone."""

import numpy
from setuptools import Extension, setup

FILES = (
    "module", "arrays", "reductions", "kernels", "steps", "program", "arithmetic", "rounds",
    "records", "apply", "push", "walk", "elements",
)  # fmt: skip
quick = Extension(
    "gradtape.core._quick",
    [f"native/{name}.c" for name in FILES],
    depends=[f"native/{name}.h" for name in ("quick", "program", "xla")],
    include_dirs=[numpy.get_include()],
    extra_compile_args=["-O3", "-fvisibility=hidden"],
    optional=True,
)
products = Extension(
    "gradtape.core._products",
    [f"native/products{part}.c" for part in ("", "_module", "_threads", "_xla")],
    depends=[f"native/{name}.h" for name in ("products", "tile", "matmul", "convolve", "xla")],
    extra_compile_args=["-O3", "-pthread"],
    extra_link_args=["-pthread"],
    optional=True,
)
setup(ext_modules=[quick, products])
