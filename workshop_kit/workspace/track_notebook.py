"""A lesson's notebook on a track: each stretch of cells that the track skips is one text cell, a mark. Pure.

The mark shows the stretch behind a triangle, as text, so that "Run all" passes it over in every editor and Shift+Enter
takes one step. ``metadata.workshop`` holds its cells, so that `unfold` gives back the notebook byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from workshop_kit.workspace.course import Section
from workshop_kit.workspace.merge import Cell, notebook_bytes

KEY = "workshop"
"""The name of our part of a cell's metadata: ``cells`` has the cells in whose place the cell stands."""
MAKERS = ("%%file ", "w.exercise(")
"""How the cells begin that make a file, or have an exercise in one."""
FILL_IN = "# Not today, and needed later: what this part would have made.\nw.fill_in({})"
TEXT = """#### Not today: {headings}

The track {track} leaves this part out. Run it at home: `./workshop start --track full` brings its cells back.

<details><summary>Read it</summary>

{cells}

</details>"""
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def fold(notebook: bytes, sections: Sequence[Section], track: str) -> bytes:
    """Return ``notebook`` with what ``track`` skips of it folded; a lesson that is not on the track stays whole.

    A stretch in which a cell was run stays as it is. A damaged notebook is returned as it is.
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
    return notebook_bytes({**document, "cells": cells})


def unfold(notebook: bytes) -> bytes:
    """Return ``notebook`` as it is without a track; one in which nothing is folded, or a damaged one, as it is."""
    if f'"{KEY}"'.encode() not in notebook:
        return notebook
    try:
        document = json.loads(notebook)
        cells = [one for cell in document["cells"] for one in replaced_by(cell) or [cell]]
        cells = [cell for cell in cells if KEY not in cell["metadata"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return notebook
    return notebook_bytes({**document, "cells": cells})


def replaced_by(cell: Cell) -> list[Cell]:
    """Return the cells in whose place a cell stands; [] for a cell of the lesson."""
    return list(cell["metadata"].get(KEY, {}).get("cells", ()))


def _folded(stretch: Sequence[Cell], sections: Sequence[Section], track: str) -> Iterator[Cell]:
    """Yield the mark of a stretch, and a cell that makes the files that the stretch would have made."""
    first, ids = stretch[0]["id"], [cell["id"] for cell in stretch]
    headings = " · ".join(part.heading for part in sections if part.cells[0] in ids)
    text = TEXT.format(headings=headings, track=track, cells="\n\n".join(map(_as_text, stretch)))
    yield _new("markdown", f"skip-{first}", text, stretch)
    makers = [f'"{cell["id"]}"' for cell in stretch if "".join(cell["source"]).startswith(MAKERS)]
    if makers:
        code = _new("code", f"fill-{first}", FILL_IN.format(", ".join(makers)), [])
        yield {**code, "execution_count": None, "outputs": []}


def _new(cell_type: str, cell_id: str, source: str, instead_of: Sequence[Cell]) -> Cell:
    """Return a cell that stands in the place of others, in the form in which JupyterLab saves it."""
    lines, metadata = source.splitlines(keepends=True), {KEY: {"cells": list(instead_of)}}
    return {"cell_type": cell_type, "id": cell_id, "metadata": metadata, "source": lines}


def _as_text(cell: Cell) -> str:
    """Return a cell as Markdown, its headings in bold: the list of headings has those of today only."""
    source = "".join(cell["source"])
    return f"```python\n{source}\n```" if cell["cell_type"] == "code" else HEADING.sub(r"**\1**", source)
