"""Environment variables for a test, put back afterwards.

``with environment(HTTP_PORT="9000"):`` begins a block in which ``config.Settings()`` finds that port.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


# region config.restore
@contextmanager
def environment(**changes: str) -> Iterator[None]:
    """Give these variables these values within the block; afterwards each is as it was before."""
    #: only the solution
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    #: only the starter
    #| before = {name: os.environ.get(name, "") for name in changes}
    #| os.environ.update(changes)
    #| yield
    #| os.environ.update(before)
    #: both


# endregion config.restore
