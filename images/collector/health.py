"""Healthy: the reader and the uploader have both given a sign of life in the last seconds.

An endpoint that is away does not make the collector ill: to bridge that is what it is for.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

LATEST_SECONDS = 10.0
SIGNS = tuple(Path("/tmp/collector") / name for name in ("reader.json", "uploader.json"))  # noqa: S108


def main() -> None:
    """Exit 0, or with one sentence."""
    for sign in SIGNS:
        try:
            age = time.time() - sign.stat().st_mtime
        except FileNotFoundError:
            sys.exit(f"the {sign.stem} has not started yet")
        if age > LATEST_SECONDS:
            sys.exit(f"the {sign.stem} has been silent for {age:.0f} s")


if __name__ == "__main__":
    main()
