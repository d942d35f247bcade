"""The controller on the real stack: load, faults, the lines of a request; and the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workshop_room.desk.desk_pages import Pages
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.recipes import tags
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.faults.active_fault import snapshot
from workshop_kit.patience import wait_for
from workshop_room.desk.demo import Action, Sentence, load_script
from workshop_room.desk.rehearsal import rehearse

pytestmark = pytest.mark.timeout(300)


def generators(stack: Stack) -> set[str]:
    """The load generators of this workspace that run, by id."""
    mine = {"label": f"{SESSION}={stack.session.identity.workspace_id}", "ancestor": tags(stack.root)["load"]}
    return {
        container.id for container in stack.session.engine.client.containers.list(filters=mine, ignore_removed=True)
    }


def rate(pages: Pages) -> float:
    """The requests per second that the service last counted."""
    rates = pages.controller.tables().requests["requests_per_second"].dropna()
    return float(rates.iloc[-1]) if len(rates) else 0.0


def test_a_load_replaces_the_one_before(pages: Pages) -> None:
    """One generator runs at a time; a request's lines are found by its id, and shown to the audience."""
    pages.controller.load(10)
    assert wait_for(lambda: 8 <= rate(pages) <= 12, 60)
    pages.controller.load(30)
    assert wait_for(lambda: 26 <= rate(pages) <= 34, 60)
    assert len(generators(pages.controller.stack)) == 1

    assert pages.controller.order("find-me-1234") == 201
    # The engine may receive lines late.
    assert wait_for(lambda: pages.do("find", request_id="find-me-1234").is_success, 60)
    shown = pages.get("/audience/state").json()
    assert (shown["request_id"], [line["message"] for line in shown["lines"]][-1]) == ("find-me-1234", "request")
    assert pages.do("find", request_id="nobody").json()["error"].startswith("No line has the request id 'nobody'.")
    assert pages.do("charts").is_success
    assert pages.get("/audience/state").json()["lines"] == []


def test_undo_all_leaves_everything_as_it_was(pages: Pages) -> None:
    """Of the desk's own faults; the fault of a notebook in another process would stay."""
    stack = pages.controller.stack
    before = {name: snapshot(stack.container(name)) for name in ("redis", "master-db")}
    pages.controller.inject("latency", "master-db", {"latency_ms": 10.0})
    pages.controller.inject("limits", "redis", {"cpus": 0.5})
    assert pages.state()["faults"] == ["latency of master-db", "limits of redis"]
    assert pages.do("undo-all").is_success
    assert pages.state()["faults"] == []
    assert {name: snapshot(stack.container(name)) for name in before} == before


def test_a_double_click_injects_one_fault(pages: Pages) -> None:
    """The second click at the same time is refused in one sentence."""
    labels = [str(fault) for fault in pages.desk.script.faults]
    number = labels.index("latency redis")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: pages.do("fault", number=number), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert refused.json()["error"].startswith("latency of redis is active already.")
    assert len(pages.controller.active_faults()) == 1


def test_a_limit_that_the_kernel_refuses_is_one_sentence(pages: Pages) -> None:
    """Without the container's id, the engine's own words, or a notebook's cell."""
    with pytest.raises(WorkshopError) as refused:
        pages.controller.inject("limits", "master-db", {"memory_mib": 7.0})
    assert str(refused.value) == "master-db uses more than 7 MiB of memory now. Ask for a higher limit."
    assert pages.controller.active_faults() == []


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_demo_can_be_played(root: Path, environment: dict[str, str]) -> None:
    """``./workshop tour --demo --json`` as it is typed: all that is said is seen."""
    command = [sys.executable, "-m", "workshop_kit.cli", "tour", "--demo", "--json", "--no-install"]
    process = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == Exit.GOOD, process.stdout + process.stderr
    results = json.loads(process.stdout)
    assert [result["title"] for result in results] == [step.title for step in load_script().steps]
    assert [result["problem"] for result in results] == [""] * len(results)


@pytest.mark.long
def test_a_sentence_that_is_not_true_fails_its_step_alone(pages: Pages) -> None:
    """The problem says what was measured."""
    first = pages.desk.script.steps[0]
    untrue = Sentence(text="It is down.", see=("/livez = fail",))
    quiet = first.model_copy(update={"actions": (), "say": (untrue,), "within_seconds": 3.0})
    broken = quiet.model_copy(update={"actions": (Action(action="fault", fault="pause", target="nobody"),)})
    shortened = pages.desk.script.model_copy(update={"steps": (quiet, broken, first)})
    problems = [result.problem for result in rehearse(shortened, pages.desk)]
    assert "/livez = fail (it is pass)" in problems[0]
    assert "no container 'nobody'" in problems[1]
    assert problems[2] == ""
