"""A program's output as the frame that the log reader makes of it."""

from __future__ import annotations

import pandas as pd

from workshop_kit.observe.logs.frame import frame_of
from workshop_kit.observe.logs.lines import Message, assemble


def read_lines(data: bytes) -> pd.DataFrame:
    """Return the frame of an output, without the engine's times."""
    return frame_of(assemble([Message("stdout", "", data)] if data else []))


def frame(*lines: str) -> pd.DataFrame:
    """Return the frame of some lines."""
    return read_lines("".join(f"{line}\n" for line in lines).encode())
