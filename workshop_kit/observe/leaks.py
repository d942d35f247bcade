"""Search for a leaked secret, in five encodings, on the surfaces of an image or a container.

A *canary* is a secret made for the search. A *surface* is a place where a secret can leak: the output of ``docker
inspect``, an image's layers, ``/proc``, a log. Files in ``/run/secrets`` and a container's tmpfs are no surfaces: only
the container's own user reads them.
"""

from __future__ import annotations

import base64
import gzip
import json
import secrets
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from docker.errors import APIError, NotFound

from workshop_kit.engine.containers import DIFF_DELETED
from workshop_kit.engine.labels import COMPOSE_SERVICE
from workshop_kit.engine.reach import Engine
from workshop_kit.observe.layers import saved

FRAGMENT_LENGTH = 6  # characters: tools shorten values in messages, so a leak may be a part of the secret
ENCODINGS = ("plain", "base64", "URL", "hex", "reversed")
CHUNK_BYTES = 1 << 20
GZIP = b"\x1f\x8b"
ENVIRONMENTS = "cat /proc/[0-9]*/environ"
COMMAND_LINES = "cat /proc/[0-9]*/cmdline"
PIPES = "for fd in /proc/1/fd/*; do test -p $fd && timeout 0.2 cat $fd; done; true"


@dataclass(frozen=True)
class Surface:
    """A place to search: ``name`` is its kind (``inspect``), ``where`` its owner (``redis``).

    ``read`` yields the content in chunks, so that an image need not fit into memory.
    """

    name: str
    where: str
    read: Callable[[], Iterable[bytes]]

    @classmethod
    def of(cls, name: str, where: str, content: bytes | str) -> Surface:
        """Return a surface with this content."""
        data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        return cls(name, where, lambda: (data,))


def new_canary() -> str:
    """Return a random secret of 30 characters that looks different in each encoding."""
    letters = string.ascii_letters + string.digits
    parts: list[str] = []
    for _ in range(4):
        parts.append("".join(secrets.choice(letters) for _ in range(6)))
    return "+/".join(parts)


def hunt(canaries: str | Mapping[str, str], surfaces: Iterable[Surface]) -> pd.DataFrame:
    """Search every surface for every canary; one row a surface, in the order given.

    ``canaries`` is one secret, or several by name; the result never contains a value. Columns (str but the size):
    ``surface``, ``where``, ``size_bytes`` (of the content), ``encoding`` (comma-separated, empty where nothing was
    found), ``secret`` (the names of those found). Raises ValueError for a canary that is too short: it would be found
    by chance.
    """
    named = {"canary": canaries} if isinstance(canaries, str) else canaries
    patterns = Patterns(named)

    rows = []
    for surface in surfaces:
        size, matches = patterns.search(surface.read())
        matched = {encoding for _, encoding in matches}
        encodings = [encoding for encoding in ENCODINGS if encoding in matched]
        names = sorted({name for name, _ in matches})
        rows.append((surface.name, surface.where, size, ", ".join(encodings), ", ".join(names)))

    columns = {"surface": "str", "where": "str", "size_bytes": "int64", "encoding": "str", "secret": "str"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def find(canaries: str | Mapping[str, str], surfaces: Iterable[Surface]) -> pd.DataFrame:
    """Return the rows of `hunt` with a leak."""
    table = hunt(canaries, surfaces)
    return table[table["encoding"] != ""].reset_index(drop=True)


def fragments(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield every six characters of a secret in every encoding: pairs of encoding and bytes.

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
        for shift in range(3):  # its offset in a longer text that is encoded as a whole
            yield "base64", _base64(raw, shift)
            yield "base64", _base64(raw, shift).translate(bytes.maketrans(b"+/", b"-_"))


def _base64(raw: bytes, shift: int) -> bytes:
    """Return the characters of the encoded text that depend on ``raw`` alone, which stands ``shift`` bytes in."""
    encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
    first = -(-shift * 8 // 6)  # the first character without bits of the text before …
    last = (shift + len(raw)) * 8 // 6  # … and the last one without bits of the text after
    return encoded[first:last]


class Patterns:
    """All fragments of all canaries, searched in one pass."""

    def __init__(self, canaries: Mapping[str, str]) -> None:
        too_short = [name for name, secret in canaries.items() if len(secret) < 2 * FRAGMENT_LENGTH]
        if too_short:
            raise ValueError(f"{', '.join(too_short)}: a canary has at least {2 * FRAGMENT_LENGTH} characters")

        self._matches_of: dict[bytes, list[tuple[str, str]]] = {}
        for name, secret in canaries.items():
            for encoding, fragment in fragments(secret):
                self._matches_of.setdefault(fragment, []).append((name, encoding))
        self._longest = max(map(len, self._matches_of))

        self._fragments_by_start: dict[bytes, list[bytes]] = {}
        for fragment in self._matches_of:
            self._fragments_by_start.setdefault(fragment[:FRAGMENT_LENGTH], []).append(fragment)

        # For each pair of bytes at offset 0, 2 and 4: does any fragment have it there?
        self._tables = [(offset, np.zeros(1 << 16, dtype=bool)) for offset in range(0, FRAGMENT_LENGTH, 2)]
        for offset, table in self._tables:
            for start in self._fragments_by_start:
                pair = start[offset] << 8 | start[offset + 1]
                table[pair] = True

    def search(self, chunks: Iterable[bytes]) -> tuple[int, set[tuple[str, str]]]:
        """Return the number of bytes, and the canaries found with their encodings, across chunks, too."""
        size = 0
        matches = set[tuple[str, str]]()
        end_of_window = b""

        for chunk in chunks:
            size += len(chunk)
            window = end_of_window + chunk
            matches |= self._search_window(window)
            end_of_window = window[-(self._longest - 1) :]

        return size, matches

    def _search_window(self, window: bytes) -> set[tuple[str, str]]:
        if len(window) < FRAGMENT_LENGTH:
            return set()

        data = np.frombuffer(window, dtype=np.uint8)
        pairs = data[:-1].astype(np.uint16) << 8 | data[1:]
        (_, first_table), *later_tables = self._tables
        positions = np.flatnonzero(first_table[pairs[: len(window) - FRAGMENT_LENGTH + 1]])
        for offset, table in later_tables:
            positions = positions[table[pairs[positions + offset]]]

        matches: set[tuple[str, str]] = set()
        for position in positions.tolist():
            start = window[position : position + FRAGMENT_LENGTH]
            for fragment in self._fragments_by_start.get(start, ()):
                if window.startswith(fragment, position):
                    matches.update(self._matches_of[fragment])
        return matches


def image_surfaces(engine: Engine, tag: str) -> Iterator[Surface]:
    """Yield what access to an image reveals: its settings, its history, every file of every layer."""
    image = engine.client.images.get(tag)
    yield Surface("image inspect", tag, lambda: (_text(image.attrs),))
    yield Surface("image history", tag, lambda: (_text(image.history()),))
    yield Surface("image layers", tag, lambda: _layers(image))


def container_surfaces(container: Any) -> Iterator[Surface]:
    """Yield the surfaces that a user of the engine can read of the SDK's running ``container``.

    A surface inside needs ``sh`` and ``cat``; without them it is empty, which `hunt` shows as 0 bytes.
    """
    container.reload()
    where = str(container.labels.get(COMPOSE_SERVICE) or container.name)
    yield Surface("inspect", where, lambda: (_text(container.attrs),))
    yield Surface("log", where, lambda: (container.logs(),))
    yield Surface("processes", where, lambda: (_processes(container),))
    yield Surface("/proc/*/environ", where, lambda: (_inside(container, ENVIRONMENTS),))
    yield Surface("/proc/*/cmdline", where, lambda: (_inside(container, COMMAND_LINES),))
    yield Surface("open pipes", where, lambda: (_inside(container, PIPES),))
    yield Surface("writable layer", where, lambda: _writable_layer(container))
    yield Surface("volumes", where, lambda: _volumes(container))


def _text(answer: Any) -> bytes:
    return json.dumps(answer, ensure_ascii=False, default=str).encode(errors="surrogateescape")


def _layers(image: Any) -> Iterator[bytes]:
    """Yield the output of ``docker save`` file by file; some engines keep layers compressed."""
    with saved(image) as archive:
        for member in archive:
            if file := archive.extractfile(member):
                is_compressed = file.read(len(GZIP)) == GZIP
                file.seek(0)
                content = gzip.GzipFile(fileobj=file) if is_compressed else file
                yield from iter(partial(content.read, CHUNK_BYTES), b"")


def _processes(container: Any) -> bytes:
    """Return the answer of ``docker top``; nothing for a container that does not run."""
    try:
        return _text(container.top())
    except APIError:
        return b""


def _inside(container: Any, script: str) -> bytes:
    """Return the output of a command in a container; nothing without a shell, or if the container does not run."""
    try:
        result = container.exec_run(["sh", "-c", script], stderr=False)
    except APIError:
        return b""
    return bytes(result.output or b"")


def _writable_layer(container: Any) -> Iterator[bytes]:
    """Yield the names of files added, changed or deleted since the image, and the files' content."""
    mounts = [mount["Destination"] for mount in container.attrs["Mounts"]]
    mounts += list(container.attrs["HostConfig"].get("Tmpfs") or {})

    for change in container.diff() or []:
        path = change["Path"]
        yield f"{path}\n".encode()
        is_mounted = any(_overlap(path, mount) for mount in mounts)
        if change["Kind"] != DIFF_DELETED and not is_mounted:
            yield from _archive(container, path)


def _overlap(path: str, mount: str) -> bool:
    """Return whether a path is at, below or above a mount: an archive of it would hold what is mounted."""
    path = path.rstrip("/") + "/"
    mount = mount.rstrip("/") + "/"
    return path.startswith(mount) or mount.startswith(path)


def _volumes(container: Any) -> Iterator[bytes]:
    for mount in container.attrs["Mounts"]:
        if mount["Type"] == "volume":
            yield from _archive(container, mount["Destination"])


def _archive(container: Any, path: str) -> Iterator[bytes]:
    try:
        chunks, _ = container.get_archive(path)
        yield from chunks
    except NotFound:  # the file was deleted meanwhile
        return
