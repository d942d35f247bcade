"""A trial: what a participant's files run in, what one sees of it, and that two do not disturb each other."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from tests.workshop_kit.learn.waiting import wait_until
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.learn.exercise import asking, doors, laying, trial
from workshop_kit.learn.exercise.checks.monitoring_health import START_SECONDS, away, settled

pytestmark = pytest.mark.engine


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


@pytest.mark.long
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


@pytest.mark.long
def test_a_door_is_shut_for_its_trial_alone_and_opens_again(participant: Stack) -> None:
    """The stack's own service does not notice; the trial does, and recovers."""
    port = int(participant.url().rsplit(":", 1)[1])
    with (
        trying.leaving_nothing(participant),
        doors.between(participant, "redis") as between,
        trial.run(participant, {}, environment=between.environment, deadline_seconds=60) as tried,
    ):
        assert tried.wait_answer("/readyz", within_seconds=START_SECONDS)
        for state in (doors.REFUSES, doors.HANGS):
            between.set(redis=state)
            assert away(settled(tried, {"redis"})) == {"redis"}
            wait_until(lambda: asking.ask(port, "GET", "/health").json()["status"] == "pass")
            assert away(settled(tried, {"redis"})) == {"redis"}
            between.set()
            assert tried.wait_answer("/readyz", within_seconds=5)
