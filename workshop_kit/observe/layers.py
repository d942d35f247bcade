"""What an image is made of: its layers, the instruction behind each, and its bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from workshop_kit.engine.reach import Engine

INSTRUCTION_LENGTH = 60


def layers(engine: Engine, tag: str) -> pd.DataFrame:
    """The layers of an image, oldest first, as the engine's ``GET /images/{name}/history`` tells them.

    Columns: ``instruction`` (str, shortened) and ``size_bytes`` (int64; 0 for what only sets metadata).
    """
    return frame(engine.client.images.get(tag).history())


def frame(history: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The same from the engine's answer, which is newest first."""
    rows = [(instruction(layer["CreatedBy"] or layer["Comment"]), int(layer["Size"])) for layer in history]
    table = pd.DataFrame(rows[::-1], columns=["instruction", "size_bytes"])
    return table.astype({"instruction": "str", "size_bytes": "int64"})


def instruction(created_by: str) -> str:
    """What the Dockerfile said, without what the builder wraps around it.

    >>> instruction("RUN |1 BASE=x /bin/sh -c apt-get update     && apt-get install redis # buildkit")
    'RUN apt-get update && apt-get install redis'
    """
    text = re.sub(r"\s+", " ", created_by.removesuffix("# buildkit"))
    text = re.sub(r"^RUN (\|\d+ .*?)?/bin/sh -c ", "RUN ", text).strip()
    return text if len(text) <= INSTRUCTION_LENGTH else text[: INSTRUCTION_LENGTH - 1] + "…"
