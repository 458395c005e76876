"""Run Keras's own tests, which lie in its wheel, on gradtape: `python -m tests.keras.conformance`.

Arguments are paths below `keras/src` and options of pytest; `--slice` stands for a few files of each
kind, which run without TensorFlow and PyTorch but for a few tests. Without paths all directories
run: their tests use the libraries in `requirements.txt`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DIRECTORIES = (
    "activations", "applications/imagenet_utils_test.py", "callbacks", "constraints", "datasets",
    "distillation", "distribution", "dtype_policies", "export", "initializers", "layers",
    "legacy", "losses", "metrics", "models", "ops", "optimizers", "quantizers", "random",
    "regularizers", "saving", "testing", "trainers", "tree", "utils",
)  # fmt: skip
SLICE = (
    "activations", "constraints", "regularizers", "losses", "optimizers",
    "initializers/random_initializers_test.py", "metrics/accuracy_metrics_test.py",
    "metrics/reduction_metrics_test.py", "layers/core/dense_test.py",
    "layers/core/embedding_test.py", "layers/convolutional/conv_test.py",
    "layers/pooling/max_pooling_test.py", "layers/normalization/batch_normalization_test.py",
    "layers/rnn/lstm_test.py", "layers/attention/attention_test.py",
    "layers/regularization/dropout_test.py", "layers/layer_test.py", "models/functional_test.py",
    "models/sequential_test.py", "callbacks/early_stopping_test.py",
    "callbacks/model_checkpoint_test.py", "trainers/trainer_test.py", "ops/core_test.py",
    "ops/linalg_test.py", "saving/saving_lib_test.py", "random/random_test.py",
)  # fmt: skip


def tests_of_keras() -> Path:
    """Where the tests lie."""
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        raise SystemExit("Keras is not installed: pip install keras==3.15.1")
    found = Path(spec.origin).parent / "src"
    if not (found / "layers" / "layer_test.py").exists():
        raise SystemExit(f"{found} holds no tests: pip install keras==3.15.1, whose wheel does.")
    return found


def main(arguments: list[str]) -> int:
    """Run pytest on what is asked for."""
    root = tests_of_keras()
    chosen = [a for a in arguments if (root / a.split("::")[0]).exists()]
    options = [a for a in arguments if a not in chosen and a != "--slice"]
    if not chosen:
        chosen = list(SLICE if "--slice" in arguments else DIRECTORIES)
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "conformance.ini")]
    command += [f"--rootdir={root}", "-p", "tests.keras.plugin", *options]
    places = [str(HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    return subprocess.run([*command, *[str(root / c) for c in chosen]], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
