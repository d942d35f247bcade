"""The controller on the real stack: load, faults with an end, the lines of a request, a checkpoint; and the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.waiting import wait_until
from tests.workshop_room.desk.room_pages import Pages
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.recipes import tags
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.faults import injection
from workshop_kit.faults.active_fault import snapshot
from workshop_kit.faults.injection import Journal
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.demo import PICTURES, Click, Expectation, as_page, load_script, rehearse

pytestmark = pytest.mark.timeout(300)


def generators(stack: Stack) -> set[str]:
    """The load generators of this workspace that run, by id."""
    mine = {"label": f"{SESSION}={stack.session.identity.workspace_id}", "ancestor": tags(stack.root)["load"]}
    return {
        container.id for container in stack.session.engine.client.containers.list(filters=mine, ignore_removed=True)
    }


def rate(pages: Pages) -> float:
    """The requests per second that the service last counted."""
    rates = pages.controller.watcher.tables().requests["requests_per_second"].dropna()
    return float(rates.iloc[-1]) if len(rates) else 0.0


def test_load_starts_changes_and_stops(pages: Pages) -> None:
    """One generator runs at a time, none after the stop; a request's lines are found by its id."""
    pages.said("load", request="POST /orders", rate_per_second=10)
    wait_until(lambda: 8 <= rate(pages) <= 12)
    pages.said("load", request="GET /orders", rate_per_second=30)
    wait_until(lambda: 26 <= rate(pages) <= 34)
    assert len(generators(pages.controller.stack)) == 1
    assert pages.state()["load"] == {"request": "GET /orders", "rate_per_second": 30}
    assert pages.controller.order("find-me-1234") == 201
    lines = wait_until(lambda: pages.said("find", request_id="find-me-1234"))  # the engine may receive lines late
    assert all("find-me-1234" in line for line in lines)
    assert pages.said("find", request_id="nobody") == []
    pages.said("load-stop")
    assert (generators(pages.controller.stack), pages.state()["load"]) == (set(), None)


def test_a_fault_ends_when_its_time_is_over_or_it_is_undone(pages: Pages) -> None:
    """The page has the seconds left; a second click on *undo* changes nothing; a notebook's fault stays."""
    stack = pages.controller.stack
    before = {name: snapshot(stack.container(name)) for name in ("redis", "master-db")}
    pages.said("fault", fault="latency", target="master-db", parameters={"latency_ms": 10.0}, seconds=600)
    with injection.fault("limits", stack, "replica-db", cpus=0.5):
        pages.said("fault", fault="limits", target="redis", parameters={"cpus": 0.5}, seconds=1)
        active_faults = {fault["target"]: fault for fault in pages.state()["active_faults"]}
        assert 0 < active_faults["master-db"]["seconds_left"] <= 600
        assert active_faults["replica-db"]["seconds_left"] is None
        assert active_faults["replica-db"]["id"] == "", "there is no button for what is not the desk's own"
        for _ in range(2):
            pages.said("undo", id=active_faults["master-db"]["id"])
            assert "master-db" not in [fault["target"] for fault in pages.state()["active_faults"]]
        wait_until(lambda: [fault["target"] for fault in pages.state()["active_faults"]] == ["replica-db"])
    assert {name: snapshot(stack.container(name)) for name in before} == before
    assert pages.state()["problems"] == []


def test_a_double_click_injects_one_fault(pages: Pages) -> None:
    """The second click at the same time is refused in one sentence; after *undo* the fault can be injected again."""
    fault = {"fault": "latency", "target": "redis", "parameters": {"latency_ms": 20.0}}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: pages.do("fault", **fault), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert refused.json()["error"] == "latency of redis is active already. Revert it first to change it."
    assert len(pages.state()["active_faults"]) == 1
    pages.said("undo-all")
    pages.said("fault", **fault)


def test_a_limit_that_the_kernel_refuses_is_one_sentence(pages: Pages) -> None:
    """Without the container's id, the engine's own words, or a notebook's cell."""
    answer = pages.do("fault", fault="limits", target="master-db", parameters={"memory_mib": 7.0})
    error = "master-db uses more than 7 MiB of memory now. Ask for a higher limit."
    assert (answer.status_code, answer.json()["error"]) == (409, error)
    assert pages.state()["active_faults"] == []


@pytest.mark.long
def test_a_target_that_a_limit_killed_is_started_by_undo(pages: Pages) -> None:
    """It has its former limits then."""
    stack = pages.controller.stack
    before = snapshot(stack.container("redis"))
    pages.controller.inject("limits", "redis", {"memory_mib": 64.0})
    stack.container("redis").kill()  # what the kernel does where the limit is too low
    wait_until(lambda: stack.container("redis").status == "exited")
    pages.controller.active_faults.revert_all()
    assert stack.container("redis").status == "running"
    assert snapshot(stack.container("redis")).limits == before.limits


@pytest.mark.long
def test_a_checkpoint_brings_stack_and_files_to_the_start_of_a_lesson(pages: Pages, workspace: Workspace) -> None:
    """Faults are undone, the load ends, changed files are replaced and kept aside; meanwhile faults are refused."""
    notebook = workspace.notebooks / "04_monitoring.ipynb"
    fresh = notebook.read_bytes()
    notebook.write_text("{}")
    pages.said("load", request="GET /orders", rate_per_second=5)
    pages.said("fault", fault="pause", target="redis")
    pages.said("goto", lesson="04")
    with pytest.raises(WorkshopError, match="A checkpoint job is running"):
        pages.controller.inject("pause", "redis", {})
    with pytest.raises(WorkshopError, match="A checkpoint job is running"):
        pages.controller.load("GET /orders", 5)
    wait_until(lambda: not pages.state()["job"]["runs"], timeout_seconds=120)
    assert "04_monitoring is at its start." in pages.state()["job"]["text"]
    assert (pages.state()["active_faults"], pages.state()["load"]) == ([], None)
    assert notebook.read_bytes() == fresh
    assert generators(pages.controller.stack) == set()


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_demo_can_be_played(root: Path, environment: dict[str, str]) -> None:
    """``./workshop tour --demo --json`` as it is typed: every step is seen, with its seconds."""
    command = [sys.executable, "-m", "workshop_kit.cli", "tour", "--demo", "--json", "--no-install"]
    process = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == Exit.GOOD, process.stdout + process.stderr
    results = json.loads(process.stdout)
    assert [result["id"] for result in results] == [step.id for step in load_script().steps]
    assert [result["problem"] for result in results] == [""] * len(results)
    assert all(result["seconds"] > 0 for result in results)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_expectation_that_does_not_hold_fails_its_step_alone(pages: Pages, tmp_path: Path) -> None:
    """The problem says the value found; the step's old picture stays, others are drawn."""
    script = load_script()
    first = script.steps[0].model_copy(update={"look_seconds": 0.0})
    never = Expectation(table="health", column="state", where={"what": "/livez"}, holds="is fail")
    quiet = first.model_copy(
        update={"number": 2, "id": "never", "clicks": (), "expectations": (never,), "within_seconds": 3.0}
    )
    gone = Click(action="fault", fault="pause", target="nobody")
    broken = first.model_copy(update={"number": 3, "id": "broken", "clicks": (gone,), "expectations": ()})
    (tmp_path / "02-never.png").write_text("recorded")
    shortened = script.model_copy(update={"steps": (first, quiet, broken)})
    results = rehearse(shortened, pages.controller, pages.desk.play, pictures=tmp_path)
    assert [bool(result.problem) for result in results] == [False, True, True]
    assert "health /livez: state is fail (it is pass)" in results[1].problem
    assert "no container 'nobody'" in results[2].problem
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-well.png", "02-never.png", "README.md"]
    assert (tmp_path / "02-never.png").read_text() == "recorded"
    assert Journal(pages.controller.stack.session).entries() == []


def test_the_page_says_what_the_script_says() -> None:
    """docs/demo/README.md is what a rehearsal writes."""
    assert (PICTURES / "README.md").read_text() == as_page(load_script())
