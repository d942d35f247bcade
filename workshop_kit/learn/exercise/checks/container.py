"""The checks of lesson 01: stopping gracefully, and limits that hold."""

from __future__ import annotations
