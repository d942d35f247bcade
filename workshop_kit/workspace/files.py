"""Write files so that a reader sees the old text or the new one, and explain in a sentence when that fails."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from workshop_kit.errors import NotReady


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``content`` in one step, on disk before it becomes visible.

    Raises OSError; the half-written temporary file is gone by then.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def explain(error: OSError, path: Path) -> NotReady:
    """Return what an OSError at ``path`` means to the person at the keyboard."""
    where = Path(os.fsdecode(error.filename)) if error.filename else path
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return NotReady(f"The disk that holds {path} is full.", "Free some space and start again.")
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return NotReady(
                f"{where} cannot be written.",
                "Make it writable, or name another folder in WORKSHOP_WORKSPACE.",
            )
        case errno.ENOTDIR | errno.EEXIST | errno.EISDIR:
            return NotReady(
                f"{where} is in the way: a file stands where a folder is needed, or the other way round.",
                "Move it away and start again.",
            )
    reason = error.strerror or type(error).__name__
    return NotReady(f"{where} cannot be used: {reason}.", "Mend that, or name another folder in WORKSHOP_WORKSPACE.")


def read_small_text(path: Path, *, max_bytes: int = 1_000_000) -> str:
    """Return the text of a file that people can replace, which may be a FIFO, a device, or endless.

    Raises NotReady if it is no regular file, is larger than ``max_bytes``, is not UTF-8, or cannot be read.
    """
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotReady(f"{path} is no regular file.", "Move it away.")
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise NotReady(f"{path} is larger than {max_bytes / 1e6:g} MB.", "Move it away.")
        return content.decode()
    except UnicodeDecodeError as error:
        raise NotReady(f"{path} is not text in UTF-8.", "Save it as UTF-8, or move it away.") from error
    except OSError as error:
        raise NotReady(f"{path} cannot be read ({error.strerror}).", "Make it readable, or move it away.") from error
