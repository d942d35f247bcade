"""Paths that several packages need (standard library only)."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
"""The root of the checkout: the folder that holds ``workshop``, ``notebooks/`` and ``workshop_kit/``."""
