"""Run promtool in a container of its own, and read what it says of a file that it does not accept."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack

FOLDER = "/data"
"""Where its container has the files that it is given."""
PLACES = (
    re.compile(r"line (\d+): (.*)"),
    re.compile(r": (\d+):\d+: (.*)"),
    re.compile(r"FAILED:\s+\S.*?\.ya?ml\"?: ()(.*)"),
)
"""Where a line and a reason stand: of YAML, of a rule, and where promtool names no line."""
LONGEST_REASON = 200


@contextlib.contextmanager
def container(stack: Stack, files: Mapping[str, str]) -> Iterator[Running]:
    """Run a container that has promtool, no network, and these files (name to text) in `FOLDER`."""
    spec = Spec(
        image=images.tags(stack.root)["prometheus"],
        entrypoint=("sleep", "60"),
        network="none",
        volumes=(FOLDER,),
        files={f"{FOLDER}/{name}": text for name, text in files.items()},
        environment={"GOMAXPROCS": "1"},
        memory_bytes=128 * 1024 * 1024,
    )
    with containers.run(stack.session, spec) as running:
        yield running


def refusal(said: str, name: str, text: str) -> str:
    """Return one sentence on the file ``name`` with this ``text``: ``alerts.yml, line 7: parse error: …``.

    ``said`` is promtool's output. Where it names no line, the line is the first one that has the words it quotes.

    >>> refusal('FAILED:\\n/a.yml: not a valid duration string: "often"', "a.yml", 'expr: up\\nfor: often')
    'a.yml, line 2: not a valid duration string: "often".'
    """
    found = next((match for place in PLACES if (match := place.search(said))), None)
    line, reason = found.groups() if found else ("", said.strip().rpartition("\n")[2])
    line = line or _line_with_quoted(reason, text)
    reason = reason.strip()[:LONGEST_REASON].rstrip(".")
    return f"{name}, line {line}: {reason}." if line else f"{name}: {reason}."


def _line_with_quoted(reason: str, text: str) -> str:
    for quoted in re.findall(r'"([^"]+)"', reason)[::-1]:
        for number, line in enumerate(text.splitlines(), 1):
            if quoted in line:
                return str(number)
    return ""
