"""The log explorer: search the lines of a FrameStore, see their times, open one, follow one request, watch new lines.

`explorer` has the widget and the thread, `model` the state, `page` the page as data and as static HTML.
"""

from workshop_kit.search.explorer.explorer import Explorer

__all__ = ["Explorer"]
