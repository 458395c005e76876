"""Moments and normalisation, norms of tensors under their public names, lookups in tables."""

from __future__ import annotations
