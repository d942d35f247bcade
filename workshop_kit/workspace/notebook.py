"""A notebook as a document: its bytes, and the text of a cell. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Cell = dict[str, Any]


def notebook_bytes(notebook: Mapping[str, Any]) -> bytes:
    """Return a notebook as it is committed: indented by one, in UTF-8, with a final newline."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def cell_text(cell: Cell) -> str:
    """Return a cell's text; notebooks have it as one string or as a list of lines."""
    return "".join(cell["source"])
