"""How a picture of a tape looks: SVG that nothing overlaps in, tables, pages, colours."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from rich.console import Console

import gradtape as tf
from gradtape.autodiff.anatomy import Fact
from gradtape.autodiff.drawing import WIDTH, arrow, cut, width_of
from gradtape.autodiff.flow import Flow
from gradtape.autodiff.picture import Picture
from gradtape.autodiff.picture_text import filled
from gradtape.autodiff.picture_words import amount, number, sizes

SVG = "{http://www.w3.org/2000/svg}"
Rect = tuple[float, float, float, float]


def line() -> Picture:
    """Ten operations."""
    w, b = (
        tf.Variable(np.ones((4, 3), np.float32), name="w"),
        tf.Variable(np.zeros(3, np.float32), name="b"),
    )
    x = tf.constant(np.ones((2, 4), np.float32))
    with tf.GradientTape() as tape:
        h = tf.tanh(x @ w + b)
        loss = tf.reduce_mean(tf.nn.softmax(h) * (tf.exp(h) * 0.5)) + tf.reduce_sum(tf.square(w))
    return tape.picture(loss, facts=lambda n: Fact("/home/me/fit.py", n.number % 50, "step"))


def loop() -> Picture:
    """A thousand operations, folded, with an arrow back."""
    w = tf.Variable(0.5 * np.eye(3, dtype=np.float32), name="w")
    h = tf.constant(np.ones((2, 3), np.float32))
    with tf.GradientTape() as tape:
        for _ in range(500):
            h = tf.tanh(h @ w)
        loss = tf.reduce_sum(h)
    return tape.picture(loss)


def sick() -> Picture:
    """Gradients that are zero, infinite, cut, and a mark."""
    x = tf.Variable([0.0, 1.0, 2.0], name="x")
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.square(tf.nn.relu(x))) + tf.reduce_sum(tf.sqrt(x) + tf.nn.relu(-x))
        slope = tape.gradient(y, x)
        loss = tf.reduce_sum(slope) + tf.reduce_sum(tf.nn.relu(-1.0 - tf.square(x)))
    picture = outer.picture(loss)
    return picture.marked({picture.operations[2].number: "the gradient is lost <here>"})


def names() -> Picture:
    """Names that are markup."""
    v = tf.Variable([1.0], name="<b>&\"x'</b>")
    with tf.GradientTape() as tape:
        loss = tf.exp(v)
    return tape.picture(loss, facts=lambda n: Fact('/<i>"/a&b.py', 1, "<f>", "<script>"))


def tangled() -> Picture:
    """Many boxes and crossing arrows."""
    rng = np.random.default_rng(1)
    x = tf.Variable([1.0, 2.0], name="x")
    with tf.GradientTape() as tape:
        values = [x * 1.0]
        for _ in range(80):
            near = values[-10:]
            a, b = near[rng.integers(len(near))], near[rng.integers(len(near))]
            values.append(tf.sin(a) if rng.random() < 0.5 else a * b)
        loss = tf.reduce_sum(tf.add_n(values[-10:]))
    return tape.picture(loss)


def whole() -> Picture:
    """Without a target: no gradients."""
    v = tf.Variable([1.0, 2.0], name="v")
    with tf.GradientTape() as tape:
        kept = [tf.exp(v) * v, tf.sin(v)]
    picture = tape.picture()
    assert len(kept) == 2
    return picture


def empty() -> Picture:
    with tf.GradientTape() as tape:
        pass
    return tape.picture()


PICTURES = [line, loop, sick, names, tangled, whole, empty]
every = pytest.mark.parametrize("make", PICTURES, ids=[m.__name__ for m in PICTURES])


# reading an SVG


def root_of(picture: Picture) -> Any:
    return ElementTree.fromstring(picture.svg())


def rect_of(element: Any) -> Rect:
    x, y = float(element.attrib["x"]), float(element.attrib["y"])
    return x, y, x + float(element.attrib["width"]), y + float(element.attrib["height"])


def boxes_of(root: Any) -> list[tuple[Any, Rect]]:
    """The groups that are boxes, with the rectangle in front."""
    found = []
    for group in root.iter(f"{SVG}g"):
        rects = [r for r in group.findall(f"{SVG}rect") if r.attrib["class"].startswith("box")]
        if rects and "transform" not in group.attrib:
            found.append((group, rect_of(rects[-1])))
    return found


def labels_of(root: Any) -> list[tuple[str, Rect]]:
    """The texts on arrows, with the room that they take."""
    found = []
    for group in root.iter(f"{SVG}g"):
        for rect, text in zip(
            group.findall(f"{SVG}rect[@class='page']"), group.findall(f"{SVG}text"), strict=False
        ):
            found.append((text.text or "", rect_of(rect)))
    return found


def apart(one: Rect, other: Rect) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


REGULAR = FT2Font(font_manager.findfont("DejaVu Sans"))
BOLD = FT2Font(font_manager.findfont("DejaVu Sans:bold"))


def measured_width(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is in DejaVu Sans."""
    font = BOLD if bold else REGULAR
    font.set_size(size, 72)
    font.set_text(text)
    return font.get_width_height()[0] / 64


# SVG


@every
def test_boxes_and_labels_do_not_overlap(make: Callable[[], Picture]) -> None:
    picture = make()
    root = root_of(picture)
    boxes = [rect for _, rect in boxes_of(root)]
    assert len(boxes) == len(picture.folded().boxes)
    everything = [*boxes, *[rect for _, rect in labels_of(root)]]
    assert all(apart(a, b) for a, b in combinations(everything, 2))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert all(r[0] >= 0 and r[1] >= 0 and r[2] <= width and r[3] <= height for r in everything)


@every
def test_texts_stay_within_their_boxes(make: Callable[[], Picture]) -> None:
    root = root_of(make())
    for group, (left, upper, right, lower) in boxes_of(root):
        for text in group.findall(f"{SVG}text"):
            bold = text.attrib["class"] == "title"
            assert measured_width(text.text, 12.5 if bold else 11.0, bold) <= right - left - 8
            assert upper < float(text.attrib["y"]) - 8 and float(text.attrib["y"]) < lower
    for text, (left, _, right, _) in labels_of(root):
        assert measured_width(text, 11.0) <= right - left
    width = float(root.attrib["width"])
    head = next(t for t in root.iter(f"{SVG}text") if t.attrib["class"] == "head-line")
    assert 20 + measured_width(head.text or "", 12.5, True) <= width


@every
def test_arrows_go_round_boxes(make: Callable[[], Picture]) -> None:
    root = root_of(make())
    boxes = [rect for _, rect in boxes_of(root)]
    for path in root.iter(f"{SVG}path"):
        if not path.attrib["class"].startswith("arrow") or "transform" in path.attrib:
            continue
        points = re.findall(r"(-?[\d.]+) (-?[\d.]+)(?=[MLCZ]|$)", path.attrib["d"])
        for x, y in [(float(x), float(y)) for x, y in points]:
            inside = [b for b in boxes if b[0] < x < b[2] and b[1] + 5 < y < b[3] - 0.1]
            assert not inside


@every
def test_all_that_is_shown_is_said(make: Callable[[], Picture]) -> None:
    picture = make()
    root = root_of(picture)
    words = [t.text or "" for t in root.iter(f"{SVG}text")]
    for box in picture.folded().boxes:
        assert box.title in words
    for found in picture.folded().arrows:
        label = sizes(found.flows) if found.flows else found.cut
        assert not label or label in words
    assert "@media (prefers-color-scheme: dark)" in picture.svg()


def test_signs_for_what_is_wrong() -> None:
    text = sick().svg()
    root = ElementTree.fromstring(text)
    words = " ".join([t.text or "" for t in root.iter(f"{SVG}text")])
    assert (
        "the gradient is lost <here>" in words and "stepwise" in words and "no derivative" in words
    )
    marked = [r for r in root.iter(f"{SVG}rect") if r.attrib["class"].endswith("operation marked")]
    assert len(marked) == 1
    kinds = {p.attrib["class"] for p in root.iter(f"{SVG}path")}
    assert {"arrow cut", "arrow bad", "arrow zero"} <= kinds
    tips = [t.text or "" for t in root.iter(f"{SVG}title")]
    assert any("the operation is constant between jumps" in t for t in tips)


def test_the_legend_says_what_there_is_and_no_more() -> None:
    words = [t.text for t in root_of(line()).iter(f"{SVG}text")]
    assert "variable" in words and "target" in words and "not finite" not in words
    assert any("root mean square" in (w or "") for w in words)
    assert not any(
        "root mean square" in (t.text or "") for t in root_of(whole()).iter(f"{SVG}text")
    )


def test_an_arrow_back_has_its_head_at_the_beginning_of_the_loop() -> None:
    root = root_of(loop())
    boxes = {g.find(f"{SVG}text").text: rect for g, rect in boxes_of(root)}
    product = (
        boxes["matmul \u00d7 499"] if "matmul \u00d7 499" in boxes else boxes["matmul \u00d7 500"]
    )
    ups = [float(p.attrib["d"].split("L")[-1].rstrip("Z").split()[1]) for p in root.iter(f"{SVG}path")
           if p.attrib["class"].startswith("head")]  # fmt: skip
    assert any(product[3] <= y <= product[3] + 8 for y in ups)


def test_styles_concern_the_picture_alone() -> None:
    style = next(root_of(line()).iter(f"{SVG}style")).text or ""
    rules = re.findall(
        r"([^{}]+){[^{}]*}", style.replace("@media (prefers-color-scheme: dark) {", "")
    )
    assert len(rules) > 40
    assert all(".gradtape-tape " in n for rule in rules for n in rule.strip(" }\n").split(","))


def test_widths_of_letters_are_those_of_the_font_or_a_little_more() -> None:
    for letter, width in WIDTH.items():
        real = measured_width(f"|{letter}|", 100) - measured_width("||", 100)
        assert -3 <= 100 * width - real <= 14, letter
    assert width_of("\u6f22", 10) == 10.0
    assert cut("abc", 100, 10) == "abc"
    assert (
        cut("a" * 100, 100, 10).endswith("\u2026") and width_of(cut("a" * 100, 100, 10), 10) <= 100
    )
    assert arrow([0, 5], [(0, 10), (30, 40)])[0].startswith("M0.0 10.0C")


# pages


class Reader(HTMLParser):
    """The tags and attributes of a page, and whether they are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@every
def test_a_page_needs_nothing_else(make: Callable[[], Picture]) -> None:
    page = make()._repr_html_()
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    assert not {"script", "link", "img", "iframe", "b", "i"} & set(reader.seen)
    assert not {"src", "href", "onclick", "onload"} & {name for name, _ in reader.attributes}
    assert "url(" not in page and "@import" not in page
    assert page.count("http") == page.count("http://www.w3.org/2000/svg") == 1
    assert '[data-jp-theme-light="false"] .gradtape-tape' in page


def test_a_page_has_its_tables_closed_at_first() -> None:
    page = line()._repr_html_()
    assert "<details><summary>operations</summary>" in page and "<details open" not in page
    assert (
        "<summary>kept by operation</summary>" in page and "<summary>kept by line</summary>" in page
    )
    assert "<td>a: 32 B</td>" in page and "<th class=number>gradient rms</th>" in page


def test_pictures_are_saved_as_their_name_ends(tmp_path: Path) -> None:
    picture = line()
    for name, text in (
        ("a.svg", picture.svg()),
        ("a.html", picture._repr_html_()),
        ("a.txt", str(picture)),
    ):
        picture.save(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == text


# text


def printed(picture: Picture, width: int, **how: Any) -> str:
    """The picture as a console prints it."""
    out = io.StringIO()
    Console(file=out, width=width, **how).print(picture)
    return out.getvalue()


@every
@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_fit_the_terminal(make: Callable[[], Picture], width: int) -> None:
    text = printed(make(), width)
    assert all(len(row) <= width for row in text.splitlines())


def test_columns_of_a_terminal() -> None:
    narrow, wide = printed(line(), 80), printed(line(), 120)
    for text in (narrow, wide):
        head = next(row for row in text.splitlines() if row.startswith("operation"))
        assert [h in head for h in ("result", "keeps", "gradient rms", "line")] == [True] * 4
        assert "reduce_mean" in text and "fit.py:" in text and "\u2588" in text
    assert " max" in wide and "a: 32 B" in wide and "w (variable)" in wide
    coloured = printed(sick(), 100, force_terminal=True, color_system="standard")
    assert "\x1b[1;31m" in coloured and "! " in coloured


def test_plain_text_is_in_columns() -> None:
    rows = str(line()).splitlines()
    head = next(r for r in rows if "operation" in r and "result" in r)
    (row,) = [r for r in rows if r.startswith("  matmul") and "float32" in r]
    assert row.index("float32[2, 3]") == head.index("result") and row.index(
        "a: 32 B"
    ) == head.index("keeps")
    assert not any(r.endswith(" ") for r in rows)


def test_words() -> None:
    assert [amount(n) for n in (0, 1023, 1024, 1536, 10**6, 5 * 2**30)] == [
        "0 B", "1023 B", "1 KiB", "1.5 KiB", "977 KiB", "5 GiB",
    ]  # fmt: skip
    assert [number(v) for v in (0.0, 1.0, 0.0123, 1234.5, 1e-9, 3.21e12, float("inf"))] == [
        "0", "1", "0.012", "1234", "1e-9", "3.2e12", "inf",
    ]  # fmt: skip
    small, large = Flow(1e-9, 2e-9, 4, 0, 0), Flow(0.5, 1.0, 4, 0, 0)
    assert sizes([large]) == "0.5 max 1" and sizes([large, small]) == "1e-9 \u2026 0.5 max 1"
    assert sizes([Flow(0.0, 0.0, 3, 0, 0)]) == "0"
    assert sizes([Flow(1.0, 1.0, 3, 1, 0)]) == "inf in 1 of 3"
    assert sizes([Flow(1.0, 1.0, 3, 2, 1), large]) == "NaN in 2 of 7"
    assert [filled(f, (-9.0, 0.0)) for f in (small, Flow(1.0, 1.0, 1, 0, 0))] == [0.125, 1.0]


def rows_of(page: str) -> Iterator[str]:
    yield from re.findall(r"<tr>.*?</tr>", page)


def test_every_box_has_a_row() -> None:
    picture = tangled()
    table = re.split("<summary>kept by operation", picture._repr_html_())[0]
    assert len(list(rows_of(table))) == 1 + len(picture.folded().boxes)
