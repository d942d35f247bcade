"""Write a newer, empty release beside each wheel of a folder; runs in an image, on its own."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

SUFFIX = ".post999"
"""Newer than the release, and inside every range that allows it."""


def add_newer(folder: Path) -> None:
    """Write the newer wheels."""
    for wheel in list(folder.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        newer = f"{name}-{version}{SUFFIX}"
        texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}{SUFFIX}\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        with zipfile.ZipFile(wheel.with_name(f"{newer}-py3-none-any.whl"), "w") as archive:
            for file, text in texts.items():
                archive.writestr(f"{newer}.dist-info/{file}", text)


if __name__ == "__main__":
    add_newer(Path(sys.argv[1]))
