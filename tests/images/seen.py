"""What can be seen of a container from outside and inside, and whether a secret is in it."""

from __future__ import annotations

import base64
import json
import re
import secrets
import string
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

FRAGMENT_LENGTH = 6
"""Tools shorten values in messages, so a leak may be no more than a part of the secret."""


LETTERS = string.ascii_letters + string.digits
"""Not hex digits alone: six of those stand by chance in one of a few thousand checksums."""


def new_secret() -> str:
    """Return a random password of 26 characters that looks different in every encoding."""
    return "{}+{}/{}".format(*("".join(secrets.choice(LETTERS) for _ in range(8)) for _ in range(3)))


def encodings(secret: str) -> dict[str, bytes]:
    """Return the forms in which a secret may turn up; base64 in the three alignments it can have in a longer text."""
    raw = secret.encode()
    shifted = (base64.b64encode(b"\0" * shift + raw)[2 * shift : -4] for shift in range(3))
    return {
        "plain": raw,
        "reversed": secret[::-1].encode(),
        "hex": raw.hex().encode(),
        "url": quote(secret, safe="").encode(),
        **{f"base64+{shift}": text for shift, text in enumerate(shifted)},
    }


def leaks(secret: str, seen: bytes) -> list[str]:
    """Return the encodings in which any fragment of a secret stands in what was seen."""
    seen = re.sub(rb"\0{64,}", b"\0", seen)  # database files are mostly zeros, and searched a hundred times
    lower = seen.lower()
    found = []
    for name, text in encodings(secret).items():
        # Hex has two digits a character; six of them alone are found by chance in every checksum.
        length = 2 * FRAGMENT_LENGTH if name == "hex" else FRAGMENT_LENGTH
        fragments = (text[start : start + length] for start in range(len(text) - length + 1))
        if any(fragment in (lower if name == "hex" else seen) for fragment in fragments):
            found.append(name)
    return found


def surfaces(container: Any, written: str) -> Iterator[tuple[str, bytes]]:
    """Yield where a secret could show, and what is to be seen there. ``written``: folders the container writes to."""
    container.reload()
    yield "inspect", json.dumps(container.attrs, ensure_ascii=False).encode()
    yield "image inspect", json.dumps(container.image.attrs, ensure_ascii=False).encode()
    yield "image history", json.dumps(container.image.history(), ensure_ascii=False).encode()
    yield "logs", container.logs()
    yield "top", json.dumps(container.top(), ensure_ascii=False).encode()
    yield "environ", run(container, "cat /proc/[0-9]*/environ")[1]
    yield "cmdline", run(container, "cat /proc/[0-9]*/cmdline")[1]
    yield "pipes", run(container, "for n in /proc/1/fd/*; do test -p $n && timeout 0.2 cat $n; done; true")[1]
    yield "files", run(container, f"tar --create --ignore-failed-read --file=- {written}")[1]


def run(container: Any, script: str, **environment: str) -> tuple[int, bytes]:
    """Run a shell script in a container; return its exit code and what it printed."""
    result = container.exec_run(["sh", "-c", script], environment=environment)
    return result.exit_code, result.output


def health(container: Any) -> str:
    """Return what the engine says: starting, healthy, unhealthy; or the status of a container that does not run."""
    container.reload()
    state = container.attrs["State"]
    return str(state["Health"]["Status"] if state["Running"] else state["Status"])


def wait_healthy(container: Any, timeout_seconds: float = 60) -> None:
    """Return once a container is healthy; fail with its log if it stops, turns unhealthy or takes too long."""
    deadline = time.monotonic() + timeout_seconds
    while (status := health(container)) != "healthy":
        last_words = container.logs(tail=20).decode(errors="replace")
        assert status == "starting", f"{status}: {last_words}"
        assert time.monotonic() < deadline, last_words
        time.sleep(0.1)


def confinement(container: Any) -> dict[str, str]:
    """Return what the kernel says of the container's first process."""
    lines = run(container, "cat /proc/1/status")[1].decode().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def refusal(container: Any) -> tuple[int, str]:
    """Return exit code and whole log of a container that does not want to start."""
    return int(container.wait(timeout=60)["StatusCode"]), container.logs().decode()
