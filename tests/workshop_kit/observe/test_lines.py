"""Following a real container's log, whatever it writes and however it ends."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import docker
import pytest

from tests.private_engine import PrivateEngine
from tests.workshop_kit.observe.conftest import Relay, Start, alone, connected
from workshop_kit.engine.containers import Running
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe import lines, logs
from workshop_kit.observe.lines import Following, Line

pytestmark = pytest.mark.engine
COUNT_UP = "import time\nfor n in range(10**6): print(n); time.sleep(0.05)"


class Listener:
    """Follows in a thread, as a notebook does."""

    def __init__(self, following: Following) -> None:
        self.following = following
        self.lines: list[Line] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for line in self.following:
            self.lines.append(line)

    def heard(self, number: int, within_seconds: float = 20) -> list[Line]:
        """The lines, once there are so many."""
        deadline = time.monotonic() + within_seconds
        while len(self.lines) < number and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.lines) >= number
        return list(self.lines)

    def end(self, within_seconds: float = 20) -> str:
        """Wait for the end; why it came."""
        self._thread.join(within_seconds)
        assert not self._thread.is_alive()
        return self.following.ended


def test_both_streams_with_their_times(start: Start) -> None:
    """Each line knows its stream and when the engine got it; an empty line and a last one without end are lines."""
    began = datetime.now(tz=UTC)
    running = start(
        "import sys; print('out'); print(); print('err', file=sys.stderr); sys.stdout.write('né\\x85\\u2028t')"
    )
    running.container.wait()
    found = lines.read(running)
    assert [line.text for line in found if line.stream == "stdout"] == ["out", "", "né\x85\u2028t"]
    assert [line.text for line in found if line.stream == "stderr"] == ["err"]
    for line in found:
        assert line.time is not None
        assert began - timedelta(seconds=5) < line.time < began + timedelta(seconds=60)


def test_a_megabyte_is_one_line(start: Start) -> None:
    """The engine's 16 KiB parts are joined, also where they cut a character, also at a terminal."""
    code = "print('first'); print('a' + '€' * 349_525); print('x' * 2**20); print('last')"
    for begin in (start, partial(_with_terminal, start)):
        running = begin(code)
        running.container.wait()
        first, euros, plain, last = lines.read(running)
        assert (first.text, last.text) == ("first", "last")
        assert plain.text == "x" * 2**20
        assert plain.pieces == 65  # 64 of 16 KiB, and its end
        # The engine cuts at bytes and stores the halves of a character as U+FFFD: said, not hidden.
        assert euros.replaced > 0
        assert set(euros.text) == {"a", "€", "\ufffd"}
        assert euros.text.count("€") > 349_000


def test_binary_output_is_read_and_what_was_replaced_is_counted(start: Start) -> None:
    """All 256 bytes, ten times: no exception, every line there, the rest of it countable."""
    running = start("import sys; sys.stdout.buffer.write(bytes(range(256)) * 10 + b'\\nend\\n')")
    running.container.wait()
    found = lines.read(running)
    assert len(found) == 12
    assert found[-1] == Line("stdout", "end", found[-1].time)
    assert found[1].replaced == 128
    assert found[1].text.startswith("\x0b\x0c\r\x0e")
    assert "\x00\x01" in found[1].text


def test_a_terminal_is_followed_like_any_other(start: Start) -> None:
    """No carriage returns, one stream, the times not in the text."""
    running = _with_terminal(start, "import sys; print('hello'); print('oops', file=sys.stderr); print('\\x1b[1mbold')")
    running.container.wait()
    found = lines.read(running)
    assert [(line.stream, line.text) for line in found] == [
        ("stdout", "hello"),
        ("stdout", "oops"),
        ("stdout", "\x1b[1mbold"),
    ]
    assert all(line.time for line in found)


def test_the_tail_is_whole_lines(start: Start) -> None:
    """The engine counts its own parts; the last lines are whole all the same."""
    running = start("for n in range(4): print(str(n) * 2**20)\nprint('short')")
    running.container.wait()
    for tail, lengths in ((0, []), (1, [5]), (2, [2**20, 5]), (4, [2**20] * 3 + [5]), (99, [2**20] * 4 + [5])):
        assert [len(line.text) for line in lines.read(running, tail=tail)] == lengths
    following = lines.follow(running, threading.Event(), tail=2)
    assert [len(line.text) for line in following] == [2**20, 5]
    longer = start("print('x' * 5 * 2**20)\nprint('short')")
    longer.container.wait()
    assert [len(line.text) for line in lines.read(longer, tail=2, max_line_bytes=2**23)] == [5 * 2**20, 5]
    first, _ = lines.read(longer, tail=2)
    assert (len(first.text), first.cut_bytes) == (2 * 2**20, 3 * 2**20)
    with pytest.raises(WrongUsage, match="tail"):
        lines.read(running, tail=-1)


def test_since_leaves_out_what_came_before(start: Start) -> None:
    """By a time with a zone or by seconds; a time without a zone could mean anything and is refused."""
    running = start("import time; print('early'); time.sleep(1); print('late')")
    running.container.wait()
    early, late = lines.read(running)
    assert early.time is not None
    middle = early.time + timedelta(seconds=0.5)
    assert lines.read(running, since=middle) == [late]
    assert lines.read(running, since=middle.timestamp()) == [late]
    with pytest.raises(WrongUsage, match="time zone"):
        lines.read(running, since=datetime(2026, 1, 1))


def test_following_ends_with_the_container(start: Start) -> None:
    """Past and present come as one; the end says the exit code."""
    running = start("import time\nfor n in range(5): print(n); time.sleep(0.1)\nraise SystemExit(3)")
    listener = Listener(lines.follow(running, threading.Event()))
    assert listener.end() == "the container exited with code 3"
    assert [line.text for line in listener.lines] == ["0", "1", "2", "3", "4"]


def test_following_ends_when_told(start: Start) -> None:
    """Also while the container says nothing: the reader is not stuck in its read."""
    running = start("import time; print('only'); time.sleep(600)")
    stop = threading.Event()
    listener = Listener(lines.follow(running, stop))
    assert [line.text for line in listener.heard(1)] == ["only"]
    assert listener.following.ended == ""
    began = time.monotonic()
    stop.set()
    assert listener.end() == "following was stopped"
    assert time.monotonic() - began < 5


def test_following_survives_the_removal_of_the_container(start: Start) -> None:
    """The lines so far, then a clear end; asked again, it is over at once."""
    running = start(COUNT_UP)
    listener = Listener(lines.follow(running, threading.Event()))
    listener.heard(3)
    running.remove()
    # Removing by force is killing, then removing: the end may be noticed in between.
    assert listener.end() in {"the container was removed", "the container exited with code 137"}
    again = lines.follow(running, threading.Event())
    assert list(again) == []
    assert again.ended == "the container was removed"
    with pytest.raises(WorkshopError, match="is gone"):
        lines.read(running)


def test_a_restart_is_an_end_that_says_so(start: Start) -> None:
    """The two runs' lines are not joined although the first run stopped inside a line."""
    code = "import sys, time; print('run'); sys.stdout.write('no end'); sys.stdout.flush(); time.sleep(600)"
    running = start(code)
    listener = Listener(lines.follow(running, threading.Event()))
    listener.heard(1)
    running.container.restart(timeout=0)
    assert listener.end() in {"the container was started again", "the container exited with code 137"}
    deadline = time.monotonic() + 20
    while len(lines.read(running)) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    running.container.kill()
    assert [line.text for line in lines.read(running)] == ["run", "no end", "run", "no end"]


def test_an_image_without_a_shell(start: Start, session: Session, images: dict[str, str]) -> None:
    """Nothing of ours runs inside the container: it needs no shell, no cat, no tail."""
    code = "import os; [os.remove(p) for p in ('/bin/sh', '/usr/bin/dash', '/usr/bin/bash')]"
    dockerfile = f"FROM {images['base']}\nRUN {json.dumps(['python3', '-c', code])}\n"
    build = ["docker", "buildx", "build", "--load", "--tag", "observe-tests/no-shell", "-"]
    subprocess.run(build, input=dockerfile.encode(), check=True, capture_output=True)
    try:
        running = start(
            "import os, time; print(os.path.lexists('/bin/sh')); time.sleep(600)", image="observe-tests/no-shell"
        )
        listener = Listener(lines.follow(running, threading.Event()))
        assert listener.heard(1)[0].text == "False"
        running.remove()
    finally:
        session.engine.client.images.remove("observe-tests/no-shell", force=True)


def test_a_log_that_cannot_be_read_is_one_sentence(session: Session, images: dict[str, str]) -> None:
    """A container that logs nowhere: which one, why, and what to do."""
    config = docker.types.LogConfig(type="none")
    container = session.engine.client.containers.create(
        images["base"], ["sleep", "600"], log_config=config, stop_signal="SIGKILL"
    )
    try:
        container.start()
        with pytest.raises(WorkshopError, match="cannot be read") as caught:
            lines.read(container)
        assert container.name in caught.value.what
        assert "json-file" in caught.value.next_step
        with pytest.raises(WorkshopError, match="cannot be read"):
            next(lines.follow(container, threading.Event()))
    finally:
        container.remove(force=True)


@pytest.mark.parametrize("reader", [lines.read, logs.read_container])
def test_what_is_no_container_is_one_sentence(reader: Callable[..., object]) -> None:
    """A name, or a stack, has no log: what was given, and what to give instead."""
    with pytest.raises(WrongUsage, match="'service' is of type str") as caught:
        reader("service")
    assert "container" in caught.value.next_step


@pytest.mark.parametrize("since", ["5m", timedelta(minutes=5), True, float("nan")])
def test_a_since_that_is_no_time_is_one_sentence(start: Start, since: object) -> None:
    """What docker's own command would take, for one: how to say it here."""
    running = start("print('once')")
    with pytest.raises(WrongUsage, match="`since`") as caught:
        logs.read_container(running, since=since)  # type: ignore[arg-type]
    assert "datetime.now(UTC)" in caught.value.next_step


def test_an_engine_that_goes_away_is_an_end(start: Start, relay: Relay) -> None:
    """The lines so far, then the reason; nothing is raised at the reader."""
    running = start(COUNT_UP)
    far = connected(f"unix://{relay.address}").client.containers.get(running.id)
    listener = Listener(lines.follow(far, threading.Event()))
    listener.heard(2)
    relay.cut()
    assert listener.end() == "the engine went away"
    with pytest.raises(WorkshopError, match="engine does not answer"):
        lines.read(far)
    again = lines.follow(far, threading.Event())
    assert list(again) == []
    assert again.ended == "the engine went away"


def test_over_ssh(start: Start, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine on another machine: the docker command at the far end is real, only the wire is short."""
    pytest.importorskip("paramiko", reason="the SDK reaches no engine over ssh without it")
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nexec docker --host {engine.endpoint.address} system dial-stdio\n")
    ssh.chmod(ssh.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    running = start(COUNT_UP)
    far = connected("ssh://learner@far").client.containers.get(running.id)
    stop = threading.Event()
    listener = Listener(lines.follow(far, stop))
    assert [line.text for line in listener.heard(3)][:3] == ["0", "1", "2"]
    stop.set()
    assert listener.end() == "following was stopped"


def test_an_engine_that_is_stopped_ends_the_following(own_engine: PrivateEngine, images: dict[str, str]) -> None:
    """A real engine, stopped and started again: the end, and then the log once more."""
    client = docker.DockerClient(base_url=own_engine.address, timeout=20)
    container = alone(client, images["base"], ["python3", "-u", "-c", COUNT_UP])
    container.start()
    listener = Listener(lines.follow(container, threading.Event()))
    listener.heard(2)
    own_engine.stop()
    assert listener.end()
    own_engine.start()
    assert [line.text for line in lines.read(container)][:2] == ["0", "1"]
    container.remove(force=True)


def _with_terminal(start: Start, code: str) -> Running:
    """A container with a terminal: not a thing the kit makes, so the tests make it themselves."""
    plain = start("pass")
    api, client = plain.session.engine.client.api, plain.session.engine.client
    config = {**plain.container.attrs["Config"], "Tty": True, "Cmd": ["python3", "-u", "-c", code]}
    container = client.containers.get(api.create_container_from_config(config)["Id"])
    plain.remove()
    plain.container = container
    container.start()
    return plain
