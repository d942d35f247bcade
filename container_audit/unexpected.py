"""What the audit says of an error that it did not expect: a fault of the audit, and no finding about the target."""

from __future__ import annotations

import traceback
from pathlib import Path

TEXT_LENGTH = 200


def sentence(error: Exception) -> str:
    """Return the kind of an error, its text, and the file and line that raised it. The text is not masked."""
    text = str(error)[:TEXT_LENGTH].rstrip(".")
    description = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"The audit met an error that it did not expect: {description}{place}."
