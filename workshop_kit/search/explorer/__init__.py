"""The log explorer: search the lines of a FrameStore, see when they came, open one, follow one request, watch live.

`Explorer` is the widget with its static twin. `hits` finds (one query of the store for each new search, numbers only),
`looking` turns what was found into what a page shows, `static` into what a page without a kernel shows.
"""

from workshop_kit.search.explorer.explorer import Explorer

__all__ = ["Explorer"]
