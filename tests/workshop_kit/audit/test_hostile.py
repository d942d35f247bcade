"""Targets that misbehave: the audit comes to an end, says what it saw, and nothing is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from workshop_kit.audit import running, subject
from workshop_kit.audit.data import Audited, Verdict
from workshop_kit.audit.examine import examine
from workshop_kit.audit.runs import OUT_OF_REACH
from workshop_kit.engine import containers
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

LONGEST_SECONDS = 200  # 60 on a calm machine
FORKS = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
LOG = "import sys\nwhile True:\n    sys.stdout.write('x' * 100_000 + '\\n')\n"
MEMORY = "kept = []\nwhile True:\n    kept.append(bytearray(10_000_000))\n"
DISK = """
import time
for number in range(3):
    try:
        open(f'/srv/zoo/{number}', 'wb').write(b'x' * 200_000_000)
    except OSError as error:
        print(error, flush=True)
time.sleep(100)
"""
DRIP = """
import socket, time, threading
def drip(c):
    try:
        while True:
            c.send(b'H')
            time.sleep(0.3)
    except OSError:
        pass
s = socket.create_server(('0.0.0.0', 8080))
while True:
    threading.Thread(target=drip, args=(s.accept()[0],)).start()
"""
GARBAGE = """
import os, socket
s = socket.create_server(('0.0.0.0', 8080))
while True:
    c = s.accept()[0]
    try:
        c.send(b'HTTP/9 \\xff\\x00 <script>' + os.urandom(100_000))
        c.close()
    except OSError:
        pass
"""
EVIL_LINES = (
    "import time\nprint('<img src=x onerror=alert(1)>\\x1b[2J\\u202e', flush=True)\n"
    'print(\'{"ts": 1, "level": {"a": [1e999, NaN]}}\', flush=True)\ntime.sleep(100)\n'
)


@contextmanager
def leaving_nothing(session: Session) -> Iterator[None]:
    """What carries this session's label afterwards was there before."""
    before = _ours(session)
    yield
    assert _ours(session) <= before


def _ours(session: Session) -> set[str]:
    filters = {"label": f"{SESSION}={session.who.session}"}
    client = session.engine.client
    return {one.id for one in client.containers.list(all=True, filters=filters, ignore_removed=True)} | {
        one.id for one in client.networks.list(filters=filters)
    }


@contextmanager
def target(session: Session, image: str, **settings: Any) -> Iterator[str]:
    """A container that is never started; yields the word that names it."""
    with session.making("container", "kernel") as making:
        made = session.engine.client.containers.create(image, labels=making.labels, **settings)
        making.id, making.name = made.id, made.name
    try:
        yield f"container:{made.id}"
    finally:
        containers.remove(session, made)


def audited(session: Session, image: str, only: str = "dynamic", **settings: Any) -> Audited:
    """Audit such a container (with every dynamic rule, or those named), in bounds, leaving nothing."""
    with target(session, image, **settings) as word, leaving_nothing(session):
        started = time.monotonic()
        (one,) = examine(session, word, only=[only]).audited
        assert time.monotonic() - started < LONGEST_SECONDS
    return one


def verdicts(one: Audited) -> dict[str, Verdict]:
    """Verdict by rule."""
    return {finding.rule.id: finding.verdict for finding in one.findings}


@pytest.mark.parametrize("code", [MEMORY], ids=["memory"])  # FORKS, LOG and DISK: the soak test
def test_what_takes_all_it_can_get_is_bounded(session: Session, python_image: str, code: str) -> None:
    """Processes, log, memory, disk: the clone has limits, and the audit an end."""
    # a limit of its own, lower than that of clones: the machine is busy enough with the other tests
    one = audited(session, python_image, entrypoint=["python3", "-c", code], pids_limit=20)
    assert len(one.findings) > 15


def test_an_answer_that_never_ends_is_too_slow(session: Session, python_image: str) -> None:
    """A byte now and then is no answer; no more than a few are waited for."""
    one = audited(session, python_image, only="monitoring.probes-fast", entrypoint=["python3", "-c", DRIP])
    assert verdicts(one)["monitoring.probes-fast"] is Verdict.FAILS


def test_garbage_is_no_http(session: Session, python_image: str) -> None:
    """Bytes that are no HTTP are said to be none."""
    one = audited(session, python_image, only="monitoring.probes-fast", entrypoint=["python3", "-c", GARBAGE])
    assert verdicts(one)["monitoring.probes-fast"] is Verdict.NOT_APPLICABLE


def test_lines_that_attack_the_reader_are_shown_as_text(session: Session, python_image: str) -> None:
    """HTML, escape sequences, direction changes, numbers beyond all bounds."""
    one = audited(session, python_image, only="logs", entrypoint=["python3", "-c", EVIL_LINES])
    texts = [evidence.saw for finding in one.findings for evidence in finding.evidence]
    assert any("<img" in text and "\\x1b[2J\\u202e" in text for text in texts)
    assert not any("\x1b" in text or "\u202e" in text for text in texts)


@pytest.mark.parametrize(
    "settings",
    [
        {"entrypoint": ["/no/such/program"]},
        {"entrypoint": ["python3", "-c", "raise SystemExit(7)"]},
        {"working_dir": "/no such/folder; rm -rf /", "entrypoint": ["true", "$(reboot)", "\u202e", ""]},
        {"user": "nobody-of-that-name"},
    ],
    ids=["no program", "ends at once", "odd words", "no user"],
)
def test_what_does_not_even_start_is_reported(session: Session, python_image: str, settings: dict[str, Any]) -> None:
    """Every rule has a verdict; none holds for want of a look, none is an error of ours."""
    one = audited(session, python_image, **settings)
    found = verdicts(one)
    assert found["lifecycle.stops-in-time"] is Verdict.CANNOT_TELL
    assert found["monitoring.probes-fast"] is Verdict.CANNOT_TELL
    assert found["lifecycle.survives-a-kill"] is Verdict.CANNOT_TELL


def test_what_cannot_be_reached_is_not_judged(
    session: Session, python_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine with a machine of its own (Docker Desktop): no port is said to be closed, no probe to be missing."""
    monkeypatch.setattr(running, "is_on_a_bridge_of_ours", lambda _address, _gateway: False)
    rules = "lifecycle.serves-a-port,monitoring.probes-fast,monitoring.metrics-valid,lifecycle.starts-fast"
    one = audited(session, python_image, only=rules)
    told = {finding.rule.id: (finding.verdict, OUT_OF_REACH in finding.said) for finding in one.findings}
    assert told.pop("lifecycle.starts-fast")[0] is Verdict.HOLDS
    assert set(told.values()) == {(Verdict.CANNOT_TELL, True)}


def test_a_machine_that_is_too_busy_makes_nobody_guilty(
    session: Session, python_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is slow there is not called slow, and the sentence says why; on a calm machine it is."""
    verdict = {}
    for busy in (1.0, 20.0):
        monkeypatch.setattr(subject, "how_busy", lambda busy=busy: busy)
        one = audited(session, python_image, only="monitoring.probes-fast", entrypoint=["python3", "-c", DRIP])
        verdict[busy] = (verdicts(one)["monitoring.probes-fast"], "20 programs" in one.findings[0].said)
    assert verdict == {1.0: (Verdict.FAILS, False), 20.0: (Verdict.CANNOT_TELL, True)}
