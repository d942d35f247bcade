"""A trial: what a participant's files run in, what one sees of it, and that two do not disturb each other."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker.errors import NotFound

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.learn import ready
from workshop_kit.learn.exercise import laying, regions, trial
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.progress import Step

pytestmark = pytest.mark.engine

WRITES_WHEREVER_IT_CAN = """
import os, sys
for folder in ("/app", "/app/workshop_app", "/run/secrets", "/venv", "/", "/tmp", "/dev/shm"):
    written = 0
    try:
        with open(os.path.join(folder, "much"), "wb") as file:
            while written < 100:
                file.write(bytes(1024 * 1024))
                file.flush()
                written += 1
    except OSError as error:
        print(folder, written, type(error).__name__)
    os.path.exists(folder + "/much") and os.remove(folder + "/much")
"""


def test_nothing_of_this_machine_is_mounted_and_everything_is_bounded(participant: Stack) -> None:
    """No bind mounts, not even for the passwords; limits on memory, processes and log; no rights, no writable root."""
    with trial.run(participant, {"workshop_app/extra.py": "EXTRA = 1\n"}, deadline_seconds=60) as tried:
        assert tried.wait_answer("/readyz", within_seconds=60), tried.lines()
        attributes = tried.inspect()
        host = attributes["HostConfig"]
        assert not host["Binds"]
        assert {mount["Type"] for mount in attributes["Mounts"]} == {"volume"}
        assert {mount["Destination"] for mount in attributes["Mounts"]} == {"/app", "/run/secrets"}
        assert host["Memory"] == host["MemorySwap"] == laying.MEMORY_BYTES
        assert host["PidsLimit"] == laying.PIDS
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["Privileged"]
        assert attributes["Config"]["Healthcheck"]["Test"] == ["NONE"]
        assert list(attributes["NetworkSettings"]["Networks"]) == [f"{participant.project}_default"]


def test_the_files_laid_over_are_what_runs_and_a_customer_is_served(participant: Stack, root: Path) -> None:
    """The stack's own database takes the order."""
    module = (root / "workshop_app" / "health.py").read_text().replace('{"status": "pass"}', '{"status": "mine"}')
    with trial.run(participant, {"workshop_app/health.py": module}, deadline_seconds=60) as tried:
        assert tried.wait_answer("/readyz", within_seconds=60), tried.lines()
        live = tried.get("/livez", headers={"X-Request-ID": "mine"})
        order = tried.post("/orders", {"item": "one trial", "quantity": 2})
        assert live.headers["x-request-id"] == "mine"
        assert tried.put("/orders", {}).status == 405
        assert (live.status, live.json()) == (200, {"status": "mine"})
        assert (order.status, order.json()["quantity"]) == (201, 2)
        assert order.headers["content-type"] == "application/json"
        assert tried.ended is None
        assert tried.stop(within_seconds=10) == 0
        assert str(tried.get("/livez")) == "nobody took the connection"


def test_it_cannot_fill_the_disk(participant: Stack) -> None:
    """Where it may write at all it writes to memory, of which it has little."""
    with trial.run(participant, {"workshop_app/__main__.py": WRITES_WHEREVER_IT_CAN}) as tried:
        assert tried.wait_ended(20) == 0, tried.lines()
        said = {line.split()[0]: int(line.split()[1]) for line in tried.lines().splitlines()}
    assert {folder for folder, written in said.items() if written} == {"/tmp", "/dev/shm"}
    assert max(said.values()) <= 64
    assert set(said) >= {"/", "/app", "/app/workshop_app", "/run/secrets", "/venv"}


def test_what_it_prints_shows_without_the_passwords_that_it_has_read(participant: Stack) -> None:
    """The tail of a log is shown to whoever looks over the shoulder."""
    prints = "from pathlib import Path\nfor path in Path('/run/secrets').iterdir():\n    print(path.read_text(), '!')\n"
    with trial.run(participant, {"workshop_app/__main__.py": prints}) as tried:
        assert tried.wait_ended(20) == 0
        lines = tried.lines()
        said = tried.running.log_tail()
    secrets = [path.read_text() for path in (participant.folder / "secrets").iterdir()]
    assert any(secret in said for secret in secrets)
    assert not any(secret in lines for secret in secrets)
    assert "(secret) !" in lines


def test_a_log_of_one_endless_line_is_cut_to_its_end(participant: Stack) -> None:
    """Bytes are capped, not lines."""
    with trial.run(participant, {"workshop_app/__main__.py": "print('x' * 3_000_000 + ' the end')\n"}) as tried:
        assert tried.wait_ended(20) == 0
        lines = tried.lines(limit_bytes=100)
    assert lines == "x" * 92 + " the end"


def test_waiting_ends_at_the_deadline_whatever_was_asked_for(participant: Stack) -> None:
    """A check has one deadline, not one for each question."""
    sleeps = {"workshop_app/__main__.py": "import time\ntime.sleep(3600)\n"}
    with trial.run(participant, sleeps, deadline_seconds=1) as tried:
        assert not tried.wait_answer("/livez", within_seconds=600)
        assert tried.wait_ended(600) is None
        assert tried.left_seconds == 0


@pytest.mark.parametrize(("text", "said"), [("#" * 2_000_000, "larger than 1 MiB"), ("\udcff", "not UTF-8")])
def test_a_file_that_is_no_module_is_refused_before_anything_runs(participant: Stack, text: str, said: str) -> None:
    """Too large, or no text."""
    with pytest.raises(WorkshopError, match=said), trial.run(participant, {"workshop_app/health.py": text}):
        pytest.fail("it ran")


def test_a_stack_that_is_not_up_is_brought_up_and_that_is_said(participant: Stack) -> None:
    """Whoever clicks Check first thing in the morning waits a little longer, and knows why."""
    participant.stop("redis")
    heard: list[Step] = []
    with trial.run(participant, {}, deadline_seconds=60, report=heard.append) as tried:
        assert tried.wait_answer("/readyz", within_seconds=60), tried.lines()
    assert any("bringing it up" in step.detail for step in heard)
    assert participant.container("redis").status == "running"


def test_a_paused_database_is_named_instead_of_judging_by_it(participant: Stack) -> None:
    """A fault that is still in force is no fault of the participant's."""
    participant.container("master-db").pause()
    try:
        with pytest.raises(WorkshopError, match="master-db is paused"), trial.run(participant, {}):
            pytest.fail("it ran")
    finally:
        participant.container("master-db").unpause()
        deadline = time.monotonic() + 60
        while participant.container("master-db").health == "unhealthy" and time.monotonic() < deadline:
            time.sleep(0.1)
        participant.up()


KILLED = """
import os, signal, sys
from pathlib import Path
from workshop_kit.engine import reach
from workshop_kit.learn import ready
from workshop_kit.learn.exercise import trial
from workshop_kit.learn.workspace import Workspace
workspace = Workspace.open(Path(sys.argv[1]))
stack = ready.stack_of(workspace, ready.session_of(workspace, reach.connect()))
with trial.run(stack, {}) as tried:
    print(tried.running.id, *(mount["Name"] for mount in tried.inspect()["Mounts"]), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_check_that_is_killed_leaves_nothing_after_the_sweep(participant: Stack, root: Path) -> None:
    """The next start sweeps what a killed program could not."""
    command = [sys.executable, "-c", KILLED, str(participant.folder.parent)]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    container, *volumes = ended.stdout.split()
    session: Session = participant.session
    session.engine.client.containers.get(container)
    ready.sweep(session)
    with pytest.raises(NotFound):
        session.engine.client.containers.get(container)
    for volume in volumes:
        with pytest.raises(NotFound):
            session.engine.client.volumes.get(volume)


def test_two_participants_who_check_at_once_each_get_their_own_result(
    participant: Stack, neighbor: Stack, root: Path
) -> None:
    """Three times out of three, one with the solution and one with the starter; tests/soak has the twenty."""
    solved, starter = (make(trying.marked(root, "__main__.py")) for make in (regions.solved, regions.starter))
    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            good = pool.submit(trying.judge, participant, "container.graceful", solved)
            bad = pool.submit(trying.judge, neighbor, "container.graceful", starter)
        assert good.result().ruling is Verdict.PASSED, good.result()
        assert bad.result().ruling is Verdict.WRONG, bad.result()
