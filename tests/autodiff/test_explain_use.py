"""How `explain`, strict tapes and the history are used: structures, used-up tapes, memory, looks."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import gradtape as tf
from gradtape.autodiff import history
from gradtape.core.state import here, lookouts


def test_a_structure_of_sources_gives_a_structure_of_answers() -> None:
    w, b = tf.Variable(1.5), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.round(w) + b
    answers = tape.explain(y, {"weight": w, "bias": b})
    assert {k: a.verdict for k, a in answers.items()} == {"weight": "none", "bias": "sound"}
    first, second = tape.explain(y, [w, b])
    assert (first.source, second.source) == ("w", "b")
    assert str(second) == "The gradient of y with respect to b is sound."


def test_a_tape_can_be_explained_after_its_gradient() -> None:
    v = tf.Variable(2.5)
    with tf.GradientTape() as tape:
        y = tf.floor(v) * v
    assert float(tape.gradient(y, v)) == 2.0
    assert tape.explain(y, v).verdict == "partly cut"
    with pytest.raises(RuntimeError, match="only be used to compute one set"):
        tape.gradient(y, v)


def ask(tape: Any, target: Any, source: Any) -> Any:
    """The function that opens the tape does not call `explain`: it keeps no history."""
    return tape.explain(target, source)


def test_without_a_history_the_records_answer() -> None:
    c, v = tf.constant(2.0), tf.Variable(0.0)
    with tf.GradientTape(persistent=True) as tape:
        y = c * v
        z = tf.math.log(v)
    assert not lookouts
    answer = ask(tape, y, c)
    assert (answer.verdict, answer.causes[0].kind) == ("none", "not watched")
    assert "tf.debug_gradients()" in str(answer)
    answer = ask(tape, z, v)
    assert (answer.verdict, answer.causes[0].kind) == ("not finite", "not finite")
    assert "log" in str(answer)
    assert ask(tape, y, v).verdict == "perhaps" and not ask(tape, y, v)
    assert ask(tape, tf.constant(3.0), v).causes[0].kind == "not recorded"


def test_without_a_history_a_used_up_tape_says_so() -> None:
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    assert ask(tape, y, v).causes[0].kind == "used up"


def test_the_argument_explain_keeps_the_history() -> None:
    v = tf.Variable(1.5)
    with tf.GradientTape(explain=True) as tape:
        y = tf.round(v)
    cause = ask(tape, y, v).causes[0]
    assert cause.kind == "flat"
    assert cause.code == "y = tf.round(v)"
    assert cause.file == __file__


def test_the_history_ends_with_the_tape() -> None:
    v = tf.Variable(1.5)
    with tf.GradientTape(explain=True) as tape:
        y = v * v
    assert len(lookouts) == 1 and here.special
    tape.gradient(y, v)
    del tape
    assert not lookouts and not here.special
    assert history.present() is None


def test_debug_gradients_is_a_switch_and_a_block() -> None:
    tf.debug_gradients()
    tf.debug_gradients()
    assert len(lookouts) == 1
    tf.debug_gradients(False)
    assert not lookouts
    with tf.debug_gradients():
        assert len(lookouts) == 1
    assert not lookouts


def test_the_history_of_a_long_loop_does_not_grow() -> None:
    v = tf.Variable(np.ones(3, np.float32))

    def step() -> None:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.sin(v) * v)
        v.assign_sub(0.01 * tape.gradient(y, v))

    def events() -> int:
        gc.collect()
        return sum(isinstance(o, history.Event) for o in gc.get_objects())

    with tf.debug_gradients():
        for _ in range(5):
            step()
        before = events()
        for _ in range(50):
            step()
        assert events() <= before + 5


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: tf.round(x) * x,
        lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32),
        lambda x: x * float(x),
        lambda x: tf.constant(np.sin(x)) * x,
    ],
)
def test_a_strict_tape_raises_where_a_path_is_cut(cut: Any) -> None:
    x = tf.Variable(2.5)
    with tf.GradientTape(strict=True) as tape:
        y = cut(x)
    with pytest.raises(tf.errors.InvalidArgumentError, match="test_explain_use.py:") as raised:
        tape.gradient(y, x)
    assert "tf.stop_gradient" in str(raised.value)
    assert tape.explain(y, x).causes  # it can still be asked


def test_a_strict_tape_raises_for_jacobians_too() -> None:
    x = tf.Variable([[2.5, 1.0]])
    for name in ("jacobian", "batch_jacobian"):
        with tf.GradientTape(strict=True) as tape:
            y = tf.round(x) * x
        with pytest.raises(tf.errors.InvalidArgumentError, match="flat"):
            getattr(tape, name)(y, x)


def test_a_strict_tape_lets_pass_what_is_meant() -> None:
    x, other = tf.Variable(2.5), tf.Variable(1.0)
    with tf.GradientTape(strict=True, persistent=True) as tape:
        y = tf.stop_gradient(tf.round(x)) * x
        z = tf.where(x > 1.0, x, 0.0)
    assert float(tape.gradient(y, x)) == 2.0
    assert float(tape.gradient(z, x)) == 1.0
    assert tape.gradient(z, other) is None


def test_a_strict_tape_refuses_a_tensor_that_nobody_watches() -> None:
    x = tf.constant(2.0)
    with tf.GradientTape(strict=True) as tape:
        y = x * x
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"tape\.watch"):
        tape.gradient(y, x)


def test_functions_run_line_by_line_while_the_history_is_kept() -> None:
    @tf.function
    def f(x: Any) -> Any:
        h = tf.round(x)
        return h * 2.0

    v = tf.Variable(1.5)
    f(v)
    with tf.GradientTape() as tape:
        y = f(v)
    cause = tape.explain(y, v).causes[0]
    assert cause.code == "h = tf.round(x)"


def test_a_tape_inside_a_function_is_explained_while_it_is_recorded() -> None:
    answers = []

    @tf.function
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.stop_gradient(x) * 2.0
        answers.append(tape.explain(y, x))
        return y

    f(tf.constant(1.0))
    assert answers[0].verdict == "none"
    assert answers[0].causes[0].kind == "stopped"
    assert answers[0].causes[0].code == "y = tf.stop_gradient(x) * 2.0"


def test_a_program_without_a_file() -> None:
    program = (
        "import gradtape as tf\n"
        "v = tf.Variable(1.5)\n"
        "with tf.GradientTape() as tape:\n"
        "    y = v * float(v)\n"
        "    z = tf.round(v)\n"
        "answer, flat = tape.explain(y, v), tape.explain(z, v)\n"
    )
    names: dict[str, Any] = {}
    exec(compile(program, "<string>", "exec"), names)
    assert (names["flat"].causes[0].kind, names["flat"].causes[0].line) == ("flat", 5)
    assert names["flat"].causes[0].code == ""
    assert (names["answer"].causes[0].kind, names["answer"].causes[0].line) == ("left", 4)


def test_explain_refuses_nothing_and_names_what_is_no_tensor() -> None:
    v = tf.Variable(1.5)
    with tf.GradientTape() as tape:
        y = v * v
    assert tape.explain(y, 3.0).causes[0].kind == "no tensor"
    assert tape.explain(None, v).causes[0].kind == "no tensor"
    assert tape.explain(v, v).verdict == "sound"


def test_two_threads_keep_their_own_tapes() -> None:
    found: dict[int, Any] = {}

    def work(number: int) -> None:
        v = tf.Variable(1.5)
        with tf.GradientTape() as tape:
            y = tf.round(v) * v if number else v * v
        found[number] = tape.explain(y, v)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [found[i].verdict for i in range(2)] == ["sound", "partly cut"]


def test_the_looks() -> None:
    w = tf.Variable([[1.0, 2.0]], name="w <&>")
    with tf.GradientTape() as tape:
        h = tf.tanh(w)
        y = tf.reduce_sum(tf.round(h) * h)
    answer = tape.explain(y, w)
    console = Console(file=io.StringIO(), width=80)
    console.print(answer)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "tf.round is flat" in shown and "y = tf.reduce_sum" in shown
    assert max(len(line) for line in shown.split("\n")) <= 80
    page = answer._repr_html_()
    assert "<svg" in page and "w &lt;&amp;&gt;" in page and "w <&>" not in page
    assert answer.picture is not None


def test_neither_the_import_nor_a_gradient_loads_the_diagnostics() -> None:
    code = (
        "import sys, gradtape as tf\n"
        "v = tf.Variable(1.0)\n"
        "with tf.GradientTape() as tape: y = v * v\n"
        "tape.gradient(y, v)\n"
        "print([m for m in sys.modules if m in ('rich', 'gradtape.autodiff.explain')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
