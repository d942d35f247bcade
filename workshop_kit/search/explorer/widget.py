"""The explorer on the page: what Python tells it. Its JavaScript sets every text as text, never as HTML."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent


class ExplorerWidget(anywidget.AnyWidget):
    """It receives ``{"do": "search", "query": …}`` and the like (see `Explorer`); texts in it were made visible."""

    _esm = (HERE / "histogram.js").read_text() + (HERE / "explorer.js").read_text()
    _css = HERE / "explorer.css"
    title = traitlets.Unicode().tag(sync=True)
    examples = traitlets.List(traitlets.List()).tag(sync=True)  # [[a search, what it finds], …]
    shown = traitlets.Dict().tag(sync=True)  # see `looking.page_of`, and ``query``, ``request``, ``milliseconds``
    problem = traitlets.Dict().tag(sync=True)  # ``text``; of a mistake ``query`` and ``position``, too; {} for none
    live = traitlets.Dict().tag(sync=True)  # ``state`` (off, following, paused, ended), ``new``: lines since the pause
    missed = traitlets.List(traitlets.Unicode()).tag(sync=True)  # what may be missing, and why no more lines come
    opened = traitlets.Dict().tag(sync=True)  # the line that was last opened: ``row``, ``fields`` [[name, text], …]
    answered = traitlets.Int().tag(sync=True)  # how many messages were answered: changes when nothing else does
    beat = traitlets.Int().tag(sync=True)  # changes every second while lines are followed

    def __repr__(self) -> str:
        """Nothing: an exported page shows it above the static twin, which says all there is to say."""
        return ""
