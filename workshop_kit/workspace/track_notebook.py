"""A lesson's notebook on a track: what the track skips is folded, with a mark above each stretch of it. Pure.

A skipped cell becomes a raw cell: "Run all" passes it over in every editor, and its text stays as it is.
``metadata.workshop`` holds its type and metadata, so that `unfold` gives back the notebook byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from workshop_kit.workspace.course import Section

Cell = dict[str, Any]
KEY = "workshop"
"""The name of our part of a cell's metadata."""
MARK = "mark"
"""Its value in a cell that `fold` added."""
NOT_RUN: Cell = {"execution_count": None, "outputs": []}
MIME_TYPES = {"code": "text/x-python", "markdown": "text/markdown"}
"""Of raw cells: the HTML export would take one without a type for HTML."""
MAKERS = ("%%file ", "w.exercise(")
"""How the cells begin that make a file, or have an exercise in one."""
FILL_IN = "# Not today, and needed later: what the next part would have made.\nw.fill_in({})"
TEXT = (
    "###### Not today: {headings}\n\nThe track {track} leaves this part out. Open it with the triangle to read it; "
    "at home, `./workshop start --track full` brings its cells back, and you can run them."
)


def fold(notebook: bytes, sections: Sequence[Section], track: str) -> bytes:
    """Return ``notebook`` with what ``track`` skips of it folded; a lesson that is not on the track stays whole.

    A stretch in which a cell was run stays open. A damaged notebook is returned as it is.
    """
    notebook = unfold(notebook)
    skipped = {cell for part in sections if track not in part.minutes for cell in part.cells}
    if not skipped or not any(track in part.minutes for part in sections):
        return notebook
    try:
        document = json.loads(notebook)
        cells: list[Cell] = []
        for is_skipped, group in groupby(document["cells"], key=lambda cell: cell["id"] in skipped):
            stretch = list(group)
            if is_skipped and not any(cell.get("execution_count") or cell.get("outputs") for cell in stretch):
                cells += _folded(stretch, sections, track)
            else:
                cells += stretch
    except (ValueError, KeyError, TypeError, AttributeError):
        return notebook
    return _bytes({**document, "cells": cells})


def unfold(notebook: bytes) -> bytes:
    """Return ``notebook`` as it is without a track; one in which nothing is folded, or a damaged one, as it is."""
    if f'"{KEY}"'.encode() not in notebook:
        return notebook
    try:
        document = json.loads(notebook)
        cells = [_restored(cell) for cell in document["cells"] if cell["metadata"].get(KEY) != MARK]
    except (ValueError, KeyError, TypeError, AttributeError):
        return notebook
    return _bytes({**document, "cells": cells})


def _folded(stretch: Sequence[Cell], sections: Sequence[Section], track: str) -> Iterator[Cell]:
    """Yield a cell that fills in what the stretch would have made, the mark, and the cells of the stretch.

    The mark is a collapsed heading, which hides what follows until the next heading: so it is the last before them.
    """
    first, ids = stretch[0]["id"], [cell["id"] for cell in stretch]
    makers = [f'"{cell["id"]}"' for cell in stretch if "".join(cell["source"]).startswith(MAKERS)]
    if makers:
        source = FILL_IN.format(", ".join(makers))
        yield {"cell_type": "code", **NOT_RUN, "id": f"fill-{first}", "metadata": {KEY: MARK}, "source": source}
    headings = [part.heading for part in sections if part.cells[0] in ids]
    text = TEXT.format(headings=" · ".join(headings), track=track)
    metadata = {KEY: MARK, "jp-MarkdownHeadingCollapsed": True}
    yield {"cell_type": "markdown", "id": f"skip-{first}", "metadata": metadata, "source": text}
    for cell in stretch:
        own = {KEY: {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}, "jupyter": {"source_hidden": True}}
        kept = {name: value for name, value in cell.items() if name not in ("execution_count", "outputs")}
        mime_type = MIME_TYPES.get(cell["cell_type"], "text/plain")
        yield {**kept, "cell_type": "raw", "metadata": {**own, "raw_mimetype": mime_type}}


def _restored(cell: Cell) -> Cell:
    """Return a cell as it was before it was folded; one whose type was changed since keeps its new type."""
    own = cell["metadata"].get(KEY)
    if own is None:
        return cell
    cell_type = own["cell_type"] if cell["cell_type"] == "raw" else cell["cell_type"]
    return dict(
        sorted(
            {
                **(NOT_RUN if cell_type == "code" else {}),
                **cell,
                "cell_type": cell_type,
                "metadata": own["metadata"],
            }.items()
        )
    )


def _bytes(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
