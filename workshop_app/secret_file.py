"""A secret in a file: what counts as one, and what is said of a file that does not hold one."""

from __future__ import annotations

import stat
from pathlib import Path

LIMIT_BYTES = 64 * 1024


def read(path: str) -> str:
    """The secret in a file, without the one line end behind it (LF or CRLF); everything else belongs to it.

    Raises ``ValueError`` with what is wrong, said without the path: somebody may have put the secret there.
    """
    if not path:
        raise ValueError("is empty")
    try:
        # Asked first: opening a pipe would wait for whoever writes to it, perhaps for ever.
        if not stat.S_ISREG(mode := Path(path).stat().st_mode):
            raise ValueError("names a folder" if stat.S_ISDIR(mode) else "names something that is not a file")
        with Path(path).open("rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise ValueError(f"names a file that cannot be read ({error.strerror})") from None
    except UnicodeEncodeError:
        raise ValueError("names a file that cannot exist") from None
    if len(content) > LIMIT_BYTES:
        raise ValueError(f"names a file of more than {LIMIT_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError("names a file that is not UTF-8 text") from None
    if not (secret := text.removesuffix("\n").removesuffix("\r")):
        raise ValueError("names a file that is empty")
    return secret
