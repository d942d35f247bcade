"""Gzipped bytes → what they hold, as far as it can be unpacked, and whether that is all.

A writer that was killed leaves a file without a proper end, a disk or a wire one that is damaged. Everything before
that place is kept, and it is said. Behind a damage nothing is looked for.
"""

from __future__ import annotations

import contextlib
import zlib
from typing import Any

from workshop_kit.observe.logs.cutting import Readable

MAGIC = b"\x1f\x8b"
"""What gzipped bytes begin with."""
CUT = "cut: its proper end is missing"
DAMAGED = "damaged: what stands behind that place cannot be unpacked"
_FORMAT = 31  # zlib's number for gzip
_PACKED_BYTES = 1024 * 1024


class Unpacked:
    """What a gzipped file holds; ``problem`` is empty, or after its last ``read`` CUT or DAMAGED."""

    def __init__(self, file: Readable) -> None:
        self.problem = ""
        self._file = file
        self._rest = b""
        self._unpacker = zlib.decompressobj(_FORMAT)

    def read(self, _: int) -> bytes:
        """What can be unpacked of the next bytes; empty at the end."""
        while not self.problem and (data := self._rest or self._file.read(_PACKED_BYTES)):
            self._rest = b""
            if self._unpacker.eof:
                data = data.lstrip(b"\0")  # what fills up a block of a tape or a disk is nothing
                if not data:
                    continue
                self._unpacker = zlib.decompressobj(_FORMAT)  # another member follows
            found = self._unpack(data)
            self._rest = self._unpacker.unused_data
            if found:
                return found
        self.problem = self.problem or ("" if self._unpacker.eof else CUT)
        return b""

    def _unpack(self, data: bytes) -> bytes:
        before = self._unpacker.copy()
        try:
            return self._unpacker.decompress(data)
        except zlib.error:  # with it goes all that this call had unpacked
            self.problem = DAMAGED
            return _up_to_damage(before, data)


def _up_to_damage(unpacker: Any, data: bytes) -> bytes:
    """Byte by byte, so that only what follows the damage is lost."""
    found = bytearray()
    with contextlib.suppress(zlib.error):
        for at in range(len(data)):
            found += unpacker.decompress(data[at : at + 1])
    return bytes(found)
