"""Search for a leaked secret, in five encodings, on the surfaces of an image or a container.

A *canary* is a secret made for the search. A *surface* is a place where a secret can leak: the output of ``docker
inspect``, an image's layers, ``/proc``, a log. Files in ``/run/secrets`` and a container's tmpfs are no surfaces: only
the container's own user reads them.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import secrets
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from docker.errors import APIError, NotFound
from numpy.typing import NDArray

from workshop_kit.engine.containers import DIFF_DELETED
from workshop_kit.engine.labels import COMPOSE_SERVICE
from workshop_kit.engine.reach import Engine
from workshop_kit.observe.layers import saved

FRAGMENT_LENGTH = 6  # characters: tools shorten values in messages, so a leak may be a part of the secret
ENCODINGS = ("plain", "base64", "URL", "hex", "reversed")
CHUNK_BYTES = 1 << 20
GZIP = b"\x1f\x8b"
_PAIR_OFFSETS = range(0, FRAGMENT_LENGTH, 2)
SCRIPTS = {
    "/proc/*/environ": "cat /proc/[0-9]*/environ",
    "/proc/*/cmdline": "cat /proc/[0-9]*/cmdline",
    "open pipes": "for fd in /proc/1/fd/*; do test -p $fd && timeout 0.2 cat $fd; done; true",
}
"""The surfaces inside a container, with the script that reads each."""


@dataclass(frozen=True)
class Surface:
    """A place to search: ``name`` is its kind (``inspect``), ``where`` its owner (``redis``).

    ``content`` comes in chunks, so that an image need not fit into memory.
    """

    name: str
    where: str
    content: Iterable[bytes]

    @classmethod
    def of(cls, name: str, where: str, content: bytes | str) -> Surface:
        """Return a surface with this content."""
        data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        return cls(name, where, (data,))


def new_canary() -> str:
    """Return a random secret of 30 characters that looks different in each encoding."""
    letters = string.ascii_letters + string.digits
    choices = secrets.SystemRandom().choices
    return "+/".join("".join(choices(letters, k=6)) for _ in range(4))


def hunt(canaries: str | Mapping[str, str], surfaces: Iterable[Surface]) -> pd.DataFrame:
    """Search every surface for every canary; return a row for each surface, in the order of ``surfaces``.

    ``canaries`` is one secret, or several by name; the result never contains a value. Columns (str but the size):
    ``surface``, ``where``, ``size_bytes`` (of the content), ``encoding`` (comma-separated, empty where nothing was
    found), ``secret`` (the names of those found). Raises ValueError for a canary that is too short: it would be found
    by chance.
    """
    secrets_by_name = {"canary": canaries} if isinstance(canaries, str) else canaries
    patterns = Patterns(secrets_by_name)

    rows = []
    for surface in surfaces:
        size_bytes, matches = patterns.search(surface.content)
        matched_encodings = {encoding for _, encoding in matches}
        encodings = [encoding for encoding in ENCODINGS if encoding in matched_encodings]
        names = sorted({name for name, _ in matches})
        rows.append((surface.name, surface.where, size_bytes, ", ".join(encodings), ", ".join(names)))

    columns = {"surface": "str", "where": "str", "size_bytes": "int64", "encoding": "str", "secret": "str"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def find(canaries: str | Mapping[str, str], surfaces: Iterable[Surface]) -> pd.DataFrame:
    """Return the rows of `hunt` with a leak."""
    table = hunt(canaries, surfaces)
    return table[table["encoding"] != ""].reset_index(drop=True)


def fragments(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield every run of six characters of a secret in every encoding: pairs of encoding and bytes.

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
        quoted = quote(part, safe="")
        if quoted != part:
            yield "URL", quoted.encode()
        for shift in range(3):  # base64 encodes three bytes at a time: the part begins at one of them
            encoded = _base64_within(raw, shift)
            yield "base64", encoded
            yield "base64", encoded.translate(bytes.maketrans(b"+/", b"-_"))  # the URL-safe alphabet


def _base64_within(raw: bytes, shift: int) -> bytes:
    """Encode a text with ``raw`` after ``shift`` other bytes; return the characters that depend on ``raw`` alone."""
    encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
    # A character has 6 bits. Those that share bits with the bytes before or after ``raw`` are cut off.
    start = math.ceil(8 * shift / 6)
    end = 8 * (shift + len(raw)) // 6
    return encoded[start:end]


class Patterns:
    """All fragments of all canaries, searched in one pass."""

    def __init__(self, canaries: Mapping[str, str]) -> None:
        too_short = [name for name, secret in canaries.items() if len(secret) < 2 * FRAGMENT_LENGTH]
        if too_short:
            raise ValueError(f"{', '.join(too_short)}: a canary has at least {2 * FRAGMENT_LENGTH} characters")

        self._matches_by_fragment: dict[bytes, list[tuple[str, str]]] = {}
        for name, secret in canaries.items():
            for encoding, fragment in fragments(secret):
                self._matches_by_fragment.setdefault(fragment, []).append((name, encoding))
        self._lengths = sorted({len(fragment) for fragment in self._matches_by_fragment})
        self._tables_by_offset = {offset: self._pair_table(offset) for offset in _PAIR_OFFSETS}

    def _pair_table(self, offset: int) -> NDArray[np.bool_]:
        """Return a table that says for every pair of bytes whether any fragment has it at this offset."""
        table = np.zeros(256 * 256, dtype=bool)
        for fragment in self._matches_by_fragment:
            pair = 256 * fragment[offset] + fragment[offset + 1]
            table[pair] = True
        return table

    def search(self, chunks: Iterable[bytes]) -> tuple[int, set[tuple[str, str]]]:
        """Return the number of bytes, and name and encoding of each canary found; a match may span two chunks."""
        size_bytes = 0
        matches = set[tuple[str, str]]()
        end_of_window = b""

        for chunk in chunks:
            size_bytes += len(chunk)
            window = end_of_window + chunk
            matches |= self._search_window(window)
            end_of_window = window[-(self._lengths[-1] - 1) :]

        return size_bytes, matches

    def _search_window(self, window: bytes) -> set[tuple[str, str]]:
        """Return name and encoding of each canary in these bytes."""
        matches: set[tuple[str, str]] = set()
        for position in self._possible_positions(window):
            for length in self._lengths:
                fragment = window[position : position + length]
                matches.update(self._matches_by_fragment.get(fragment, ()))
        return matches

    def _possible_positions(self, window: bytes) -> list[int]:
        """Return where a fragment may begin: each pair of the bytes there is one of some fragment."""
        position_count = len(window) - FRAGMENT_LENGTH + 1
        if position_count <= 0:
            return []

        data = np.frombuffer(window, dtype=np.uint8)
        high_bytes = data[:-1].astype(np.uint16) << 8
        pairs = high_bytes | data[1:]

        is_possible = np.ones(position_count, dtype=bool)
        for offset, table in self._tables_by_offset.items():
            is_possible &= table[pairs[offset : offset + position_count]]
        positions: list[int] = np.flatnonzero(is_possible).tolist()
        return positions


def image_surfaces(engine: Engine, tag: str) -> Iterator[Surface]:
    """Yield what access to an image reveals: its settings, its history, every file of every layer."""
    image = engine.client.images.get(tag)
    yield Surface.of("image inspect", tag, _json_text(image.attrs))
    yield Surface.of("image history", tag, _json_text(image.history()))
    yield Surface("image layers", tag, _image_layers(image))


def container_surfaces(container: Any) -> Iterator[Surface]:
    """Yield the surfaces that a user of the engine can read of the SDK's running ``container``.

    A surface inside needs ``sh`` and ``cat``; without them it is empty, which `hunt` shows as 0 bytes.
    """
    container.reload()
    where = str(container.labels.get(COMPOSE_SERVICE) or container.name)
    yield Surface.of("inspect", where, _json_text(container.attrs))
    yield Surface.of("log", where, container.logs())
    yield Surface.of("processes", where, _processes(container))
    for name, script in SCRIPTS.items():
        yield Surface.of(name, where, _script_output(container, script))
    yield Surface("writable layer", where, _writable_layer(container))


def _json_text(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, default=str)


def _image_layers(image: Any) -> Iterator[bytes]:
    """Yield the output of ``docker save`` file by file; some engines keep layers compressed."""
    with saved(image) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None:
                continue

            is_compressed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            content = gzip.GzipFile(fileobj=file) if is_compressed else file
            yield from iter(partial(content.read, CHUNK_BYTES), b"")


def _processes(container: Any) -> str:
    """Return the answer of ``docker top``; "" for a container that does not run."""
    try:
        return _json_text(container.top())
    except APIError:
        return ""


def _script_output(container: Any, script: str) -> bytes:
    """Return the output of a script in a container; nothing without a shell, or if the container does not run."""
    try:
        return container.exec_run(["sh", "-c", script], stderr=False).output or b""
    except APIError:
        return b""


def _writable_layer(container: Any) -> Iterator[bytes]:
    """Yield the names of files added, changed or deleted since the image, and the files' content."""
    mounts = [mount["Destination"] for mount in container.attrs["Mounts"]]
    mounts += list(container.attrs["HostConfig"].get("Tmpfs") or {})

    for change in container.diff() or []:
        path = change["Path"]
        yield f"{path}\n".encode()
        is_mounted = any(_overlaps(path, mount) for mount in mounts)
        if change["Kind"] != DIFF_DELETED and not is_mounted:
            yield from archive_of(container, path)


def _overlaps(path: str, mount: str) -> bool:
    """Return whether a path is at, below or above a mount: an archive of the path would hold what is mounted."""
    path = path.rstrip("/") + "/"
    mount = mount.rstrip("/") + "/"
    return path.startswith(mount) or mount.startswith(path)


def archive_of(container: Any, path: str) -> Iterator[bytes]:
    """Yield the content at a path in the container as an archive; nothing if there is none."""
    try:
        chunks, _ = container.get_archive(path)
        yield from chunks
    except NotFound:  # the file was deleted meanwhile
        return
