"""The sentence about an error that the audit did not expect: a fault of the audit, and no finding about the target."""

from __future__ import annotations

import traceback
from pathlib import Path

TEXT_LENGTH = 200


def sentence(error: Exception) -> str:
    """Return the kind of an error, its text, and the file and line that raised it. The text is not masked."""
    description = type(error).__name__
    text = str(error)[:TEXT_LENGTH].rstrip(".")
    if text:
        description += f": {text}"

    place = ""
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        last_frame = frames[-1]
        place = f" ({Path(last_frame.filename).name}, line {last_frame.lineno})"

    return f"The audit met an error that it did not expect: {description}{place}."
