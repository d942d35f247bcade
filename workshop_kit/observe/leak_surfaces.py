"""Where secrets show: what the engine, the kernel and the network tell of an image, a container, a stack.

Each function yields `leaks.Surface`; nothing is read before the hunt gets there. Not among them: the files in
``/run/secrets`` and a container's tmpfs, which are where secrets belong: only its own user reads them.
"""

from __future__ import annotations

import gzip
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine.labels import COMPOSE_PROJECT, COMPOSE_SERVICE
from workshop_kit.engine.reach import Engine
from workshop_kit.observe import http
from workshop_kit.observe.leaks import Surface

HTTP_TIMEOUT_SECONDS = 5
GZIP, PIECE_BYTES = b"\x1f\x8b", 1 << 20
ENVIRONMENTS = "cat /proc/[0-9]*/environ"
COMMAND_LINES = "cat /proc/[0-9]*/cmdline"
PIPES = "for fd in /proc/1/fd/*; do test -p $fd && timeout 0.2 cat $fd; done; true"


def of_image(engine: Engine, tag: str) -> Iterator[Surface]:
    """What anybody who can pull an image can read: its settings, its history, every file of every layer."""
    image = engine.client.images.get(tag)
    yield Surface("image inspect", tag, lambda: (_text(image.attrs),))
    yield Surface("image history", tag, lambda: (_text(image.history()),))
    yield Surface("image layers", tag, lambda: _layers(image))


def of_container(container: Any) -> Iterator[Surface]:
    """What those can read who may ask the engine, or run a command in a container (the SDK's, running).

    Inside, a surface needs ``sh`` and ``cat``; without them it is empty, which `hunt` shows as 0 bytes.
    """
    where = str(container.labels.get(COMPOSE_SERVICE) or container.name)
    yield Surface("inspect", where, lambda: (_inspect(container),))
    yield Surface("log", where, lambda: (container.logs(),))
    yield Surface("processes", where, lambda: (_processes(container),))
    yield Surface("/proc/*/environ", where, lambda: (_inside(container, ENVIRONMENTS),))
    yield Surface("/proc/*/cmdline", where, lambda: (_inside(container, COMMAND_LINES),))
    yield Surface("open pipes", where, lambda: (_inside(container, PIPES),))
    yield Surface("writable layer", where, lambda: _writable_layer(container))
    yield Surface("volumes", where, lambda: _volumes(container))


def of_project(engine: Engine, project: str) -> Iterator[Surface]:
    """What the engine keeps of a compose project besides its containers."""
    ours = {"filters": {"label": f"{COMPOSE_PROJECT}={project}"}}
    client = engine.client
    yield Surface("networks", project, lambda: [_text(one.attrs) for one in client.networks.list(**ours)])
    yield Surface("volume inspect", project, lambda: [_text(one.attrs) for one in client.volumes.list(**ours)])
    yield Surface("engine events", project, lambda: _events(client, ours["filters"]))


def of_answers(url: str, requests: Iterable[tuple[str, str, bytes | None]]) -> Iterator[Surface]:
    """What a stranger gets to see over HTTP: each ``(method, path, body)`` as one surface, headers included."""
    for method, path, body in requests:
        yield Surface(f"{method} {path}", url, partial(_answer, url, method, path, body))


def of_folder(name: str, folder: Path, *, leave_out: Iterable[Path] = ()) -> Surface:
    """Every file below a folder, with its name, but for the files and folders that are left out."""
    return Surface(name, folder.name, lambda: _files(folder, [path.resolve() for path in leave_out]))


def _text(answer: Any) -> bytes:
    return json.dumps(answer, ensure_ascii=False, default=str).encode(errors="surrogateescape")


def _inspect(container: Any) -> bytes:
    container.reload()
    return _text(container.attrs)


def _layers(image: Any) -> Iterator[bytes]:
    """What ``docker save`` writes, file by file; some engines keep layers compressed, where nothing would be found."""
    with tempfile.TemporaryFile() as saved:
        for piece in image.save():
            saved.write(piece)
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:
            for member in archive:
                if file := archive.extractfile(member):
                    compressed = file.read(len(GZIP)) == GZIP
                    file.seek(0)
                    content = gzip.GzipFile(fileobj=file) if compressed else file
                    yield from iter(partial(content.read, PIECE_BYTES), b"")


def _processes(container: Any) -> bytes:
    """What ``docker top`` says; nothing of a container that does not run."""
    try:
        return _text(container.top())
    except APIError:
        return b""


def _inside(container: Any, script: str) -> bytes:
    """What a command prints in a container; nothing where there is no shell, or the container does not run."""
    try:
        result = container.exec_run(["sh", "-c", script], stderr=False)
    except APIError:
        return b""
    return bytes(result.output or b"")


def _writable_layer(container: Any) -> Iterator[bytes]:
    """The names of all that was added or changed since the image, and the files' content."""
    container.reload()
    host = container.attrs["HostConfig"]
    mounted = [mount["Destination"] for mount in container.attrs["Mounts"]] + list(host.get("Tmpfs") or {})
    for change in container.diff() or []:
        path = change["Path"]
        yield f"{path}\n".encode()
        if change["Kind"] != 2 and not any(_overlap(path, mount) for mount in mounted):  # 2: deleted
            yield from _archive(container, path)


def _overlap(path: str, mount: str) -> bool:
    """Whether a path is at, below or above a mount: an archive of it would hold what is mounted."""
    path, mount = path.rstrip("/") + "/", mount.rstrip("/") + "/"
    return path.startswith(mount) or mount.startswith(path)


def _volumes(container: Any) -> Iterator[bytes]:
    container.reload()
    for mount in container.attrs["Mounts"]:
        if mount["Type"] == "volume":
            yield from _archive(container, mount["Destination"])


def _archive(container: Any, path: str) -> Iterator[bytes]:
    try:
        pieces, _ = container.get_archive(path)
        yield from pieces
    except NotFound:  # a file that was there a moment ago
        return


def _events(client: Any, filters: dict[str, str]) -> Iterator[bytes]:
    now = int(datetime.now(UTC).timestamp())
    for event in client.events(since=0, until=now, filters=filters, decode=True):
        yield _text(event)


def _answer(url: str, method: str, path: str, body: bytes | None) -> Iterator[bytes]:
    answer = http.request(method, url + path, content=body, timeout_seconds=HTTP_TIMEOUT_SECONDS)
    yield f"{answer} {dict(answer.headers)}\n".encode()
    yield answer.body.encode()


def _files(folder: Path, leave_out: list[Path]) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        resolved = path.resolve()
        if path.is_file() and not any(resolved.is_relative_to(other) for other in leave_out):
            yield f"{path}\n".encode(errors="surrogateescape")
            yield path.read_bytes()
