"""Put a newer release beside every wheel of a folder; runs inside an image, on its own."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

SUFFIX = ".post999"  # newer than any release, and inside every range that allows the release itself

for wheel in list(Path(sys.argv[1]).glob("*.whl")):
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
