"""Rows of observations → a DataFrame with the same types whatever the rows hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import pandas as pd

TIME = "datetime64[us, UTC]"
_TYPES = {"datetime": TIME, "str": "str", "int | None": "Int64"}


def frame(kind: type[Any], rows: Iterable[Any]) -> pd.DataFrame:
    """Return the rows of a dataclass as a table: a column a field, times in UTC, other numbers than counts float64."""
    types = {one.name: _TYPES.get(str(one.type), "float64") for one in fields(kind)}
    return pd.DataFrame([tuple(vars(row).values()) for row in rows], columns=list(types)).astype(types)
