"""Where the boxes of pictures stand: in layers, apart, near their neighbours."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradtape.autodiff.layering import DEPTH, Layout, ascending, far, widest


def overlap(layout: Layout, widths: list[float]) -> bool:
    """Whether two boxes stand in each other's place."""
    rows: dict[float, list[tuple[float, float]]] = {}
    for (x, y), width in zip(layout.at, widths, strict=True):
        rows.setdefault(y, []).append((x - width / 2, x + width / 2))
    for row in rows.values():
        row.sort()
        if any(a[1] > b[0] for a, b in pairwise(row)):
            return True
    return False


def test_arrows_lead_down_and_boxes_do_not_overlap() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 10, 40):
        arrows = list({tuple(sorted(rng.choice(count, 2, replace=False))) for _ in range(2 * count)}
                      if count > 1 else [])  # fmt: skip
        arrows = [(int(a), int(b)) for a, b in arrows]
        widths = [float(w) for w in rng.integers(40, 200, count)]
        layout = Layout(widths, arrows)
        assert not overlap(layout, widths)
        for (a, b), path in zip(arrows, layout.paths, strict=True):
            assert path[0] == layout.at[a] and path[-1] == layout.at[b]
            assert all(y < v for (_, y), (_, v) in pairwise(path))
        assert all(x - w / 2 >= 0 and x + w / 2 <= layout.width + 1e-6
                   for (x, _), w in zip(layout.at, widths, strict=True))  # fmt: skip


def test_circles_are_cut() -> None:
    layout = Layout([50.0] * 3, [(0, 1), (1, 2), (2, 0)])
    assert [y for _, y in layout.at] == sorted(y for _, y in layout.at)
    assert layout.paths[2][0] == layout.at[2] and layout.paths[2][-1] == layout.at[0]


def test_two_rows_that_can_be_drawn_without_a_crossing_are() -> None:
    arrows = [(0, 7), (1, 6), (2, 5), (3, 4)]
    layout = Layout([50.0] * 8, arrows)
    ends = sorted((layout.at[a][0], layout.at[b][0]) for a, b in arrows)
    assert [e for _, e in ends] == sorted(e for _, e in ends)


def test_a_chain_is_straight() -> None:
    layout = Layout([50.0, 120.0, 60.0], [(0, 1), (1, 2)])
    assert len({round(x, 3) for x, _ in layout.at}) == 1


def test_the_nearest_ascending_numbers() -> None:
    assert ascending([1.0, 3.0, 2.0, 4.0], [1.0] * 4) == [1.0, 2.5, 2.5, 4.0]
    assert ascending([3.0, 0.0], [1.0, 2.0]) == [1.0, 1.0]
    assert ascending([], []) == []


def test_long_arrows_at_a_box_with_many_are_said_in_words() -> None:
    chain = [(i, i + 1) for i in range(20)]
    hub = [(i, 21) for i in range(20)] + [(20, 21)]
    left_out = far(22, chain + hub)
    assert left_out <= set(hub) and len(left_out) == 16
    assert far(22, [*chain, (0, 21)]) == set()


def test_sources_stand_right_above_what_uses_them() -> None:
    chain = [(0, 1), (1, 2), (2, 3), (3, 4)]
    layout = Layout([50.0] * 7, [*chain, (5, 4), (6, 5)])  # 6 -> 5 hangs on a source alone
    assert layout.at[4][1] == 4 * DEPTH
    assert layout.at[5][1] == 3 * DEPTH and layout.at[6][1] == 2 * DEPTH


def test_a_source_leaves_a_chain_straight() -> None:
    layout = Layout([60.0] * 6, [(0, 1), (1, 2), (2, 3), (4, 2), (5, 3)])
    xs = [layout.at[i][0] for i in range(4)]
    assert max(xs) - min(xs) < 10


def test_places_on_arrows_are_straightened_like_the_arrows() -> None:
    arrows = [(0, 1), (1, 2), (2, 3), (0, 4), (4, 3)]  # 4 is the label of a long arrow
    layout = Layout([80.0] * 4 + [40.0], arrows, count=4)
    path = [*layout.paths[3], *layout.paths[4][1:]]
    inner = [x for x, _ in path[1:-1]]
    assert len(inner) == 2 and abs(inner[0] - inner[1]) < 1


def test_the_fullest_layer() -> None:
    assert widest(0, []) == 0
    assert widest(4, [(0, 1), (1, 2), (2, 3)]) == 1
    assert widest(6, [(0, i) for i in range(1, 5)] + [(i, 5) for i in range(1, 5)]) == 4
    assert widest(3, [(0, 1), (1, 2), (2, 0)]) == 1
