"""Whether a secret shows where it should not: a hunt for a canary, in five encodings, over many surfaces.

A *canary* is a secret made for the hunt. A *surface* is a place that people or programs look at who should not see
it: what ``docker inspect`` says, an image's layers, ``/proc``, a log. `surfaces` collects them, this module searches.
"""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

import numpy as np
import pandas as pd

FRAGMENT_LENGTH = 6  # characters: tools shorten values in messages, so a leak may be a part of the secret
ENCODINGS = ("plain", "base64", "URL", "hex", "reversed")
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Surface:
    """A place to look at: ``name`` says what kind (``inspect``), ``where`` whose (``redis``); ``read`` fetches it.

    ``read`` gives the content in pieces, so that an image need not fit into memory.
    """

    name: str
    where: str
    read: Callable[[], Iterable[bytes]]

    @classmethod
    def of(cls, name: str, where: str, content: bytes | str) -> Surface:
        """A surface whose content is here already."""
        data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        return cls(name, where, lambda: (data,))


def new_canary() -> str:
    """A random secret of 30 characters that looks different in each encoding, and like nothing else."""
    letters = string.ascii_letters + string.digits
    return "+/".join("".join(secrets.choice(letters) for _ in range(6)) for _ in range(4))


def hunt(canaries: str | Mapping[str, str], surfaces: Iterable[Surface]) -> pd.DataFrame:
    """Look at every surface for every canary; one row a surface, in the order given.

    ``canaries`` is one secret, or several by name; of the values nothing is in the result. Columns (str but the
    size): ``surface``, ``where``, ``size_bytes`` (how much there was to look at), ``encoding`` (comma-separated,
    empty where nothing was found), ``secret`` (the names of those found). Raises ValueError for a canary so short
    that it would be found by chance.
    """
    named = {"canary": canaries} if isinstance(canaries, str) else canaries
    patterns = Patterns(named)
    rows = []
    for surface in surfaces:
        size, found = patterns.search(surface.read())
        encodings = [one for one in ENCODINGS if any(encoding == one for _, encoding in found)]
        names = sorted({name for name, _ in found})
        rows.append((surface.name, surface.where, size, ", ".join(encodings), ", ".join(names)))
    columns = {"surface": "str", "where": "str", "size_bytes": "int64", "encoding": "str", "secret": "str"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def find(canaries: str | Mapping[str, str], surfaces: Iterable[Surface]) -> pd.DataFrame:
    """The leaks alone: `hunt` without the rows of clean surfaces; empty if there is none."""
    table = hunt(canaries, surfaces)
    return table[table["encoding"] != ""].reset_index(drop=True)


def fragments(secret: str) -> Iterator[tuple[str, bytes]]:
    """Every way in which six characters of a secret can turn up: pairs of encoding and bytes.

    >>> sorted({encoding for encoding, _ in fragments("pässword")})
    ['URL', 'base64', 'hex', 'plain', 'reversed']
    """
    parts = [secret[start : start + FRAGMENT_LENGTH] for start in range(len(secret) - FRAGMENT_LENGTH + 1)]
    for part in parts:
        raw = part.encode()
        yield "plain", raw
        yield "reversed", part[::-1].encode()
        yield "hex", raw.hex().encode()
        yield "hex", raw.hex().upper().encode()
        if (quoted := quote(part, safe="")) != part:
            yield "URL", quoted.encode()
        for shift in range(3):  # where it begins in a longer text that is encoded as a whole
            yield "base64", _base64(raw, shift)
            yield "base64", _base64(raw, shift).translate(bytes.maketrans(b"+/", b"-_"))


def _base64(raw: bytes, shift: int) -> bytes:
    """The characters of the encoded text that depend on nothing but ``raw``, which stands ``shift`` bytes in."""
    encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
    first = -(-shift * 8 // 6)  # the first character that holds none of what stands before …
    last = (shift + len(raw)) * 8 // 6  # … and the last one that holds none of what follows
    return encoded[first:last]


class Patterns:
    """All fragments of all canaries, found in one pass: hundreds of searches of a whole image would take minutes."""

    def __init__(self, canaries: Mapping[str, str]) -> None:
        if too_short := [name for name, secret in canaries.items() if len(secret) < 2 * FRAGMENT_LENGTH]:
            raise ValueError(f"{', '.join(too_short)}: a canary has at least {2 * FRAGMENT_LENGTH} characters")
        self._meaning: dict[bytes, list[tuple[str, str]]] = {}
        for name, secret in canaries.items():
            for encoding, fragment in fragments(secret):
                self._meaning.setdefault(fragment, []).append((name, encoding))
        self._longest = max(map(len, self._meaning))
        self._by_start: dict[bytes, list[bytes]] = {}
        for fragment in self._meaning:
            self._by_start.setdefault(fragment[:FRAGMENT_LENGTH], []).append(fragment)

    @cached_property
    def _tables(self) -> list[tuple[int, np.ndarray]]:
        """For each pair of bytes at offset 0, 2 and 4: does any fragment have it there?"""
        tables = []
        for offset in range(0, FRAGMENT_LENGTH, 2):
            table = np.zeros(1 << 16, dtype=bool)
            for start in self._by_start:
                table[start[offset] << 8 | start[offset + 1]] = True
            tables.append((offset, table))
        return tables

    def search(self, pieces: Iterable[bytes]) -> tuple[int, set[tuple[str, str]]]:
        """How many bytes there were, and which canaries stand in them in which encoding, across pieces too."""
        size, found, rest = 0, set[tuple[str, str]](), b""
        for piece in pieces:
            for start in range(0, len(piece), CHUNK_BYTES):
                chunk = piece[start : start + CHUNK_BYTES]
                size += len(chunk)
                window = rest + chunk
                found |= self._in(window)
                rest = window[-(self._longest - 1) :]
        return size, found

    def _in(self, window: bytes) -> set[tuple[str, str]]:
        if len(window) < FRAGMENT_LENGTH:
            return set()
        data = np.frombuffer(window, dtype=np.uint8)
        pairs = data[:-1].astype(np.uint16) << 8 | data[1:]
        (_, starts), *others = self._tables
        positions = np.flatnonzero(starts[pairs[: len(window) - FRAGMENT_LENGTH + 1]])
        for offset, table in others:
            positions = positions[table[pairs[positions + offset]]]
        return {
            meaning
            for position in positions.tolist()
            for fragment in self._by_start.get(window[position : position + FRAGMENT_LENGTH], ())
            if window.startswith(fragment, position)
            for meaning in self._meaning[fragment]
        }
