"""The table of what is compared: all topics, in the order of the report."""

from __future__ import annotations

from tests.differential import (
    conversions,
    convolutions,
    elementwise,
    images,
    linear,
    mistakes,
    networks,
    objects,
    randomness,
    reductions,
    seeds,
    shapes,
    signals,
    special,
    tapes,
    training,
)
from tests.differential.topic import Topic

TOPICS: list[Topic] = [
    *elementwise.TOPICS,
    *special.TOPICS,
    *reductions.TOPICS,
    *shapes.TOPICS,
    *linear.TOPICS,
    *signals.TOPICS,
    *networks.TOPICS,
    *convolutions.TOPICS,
    *images.TOPICS,
    *randomness.TOPICS,
    *conversions.TOPICS,
    *objects.TOPICS,
    *mistakes.TOPICS,
    *training.TOPICS,
    *tapes.TOPICS,
    *seeds.TOPICS,
]
