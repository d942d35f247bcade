"""Hypothesis without deadlines: a machine that runs containers and browsers beside a test is slow.

A decorator takes the settings of its moment, so the profile is loaded here, before any test is decorated.
"""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

__all__ = ["example", "given", "settings", "st"]

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
