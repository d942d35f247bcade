"""What the presenter can do, on the real stack: load, faults with an end, a request found, a checkpoint, two desks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.game.desk.conftest import Pages, wait_for
from workshop_kit.disturb import faults
from workshop_kit.disturb.journal import Journal
from workshop_kit.disturb.targets import snapshot
from workshop_kit.engine import cleanup
from workshop_kit.engine.images import tags
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.game.desk import stage as stage_module
from workshop_kit.game.desk.driving import Driven
from workshop_kit.game.desk.stage import Stage
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


def generators(stack: Stack) -> set[str]:
    """The load generators of this workspace that run, by id."""
    mine = {"label": f"{SESSION}={stack.session.who.session}", "ancestor": tags(stack.root)["load"]}
    return {one.id for one in stack.session.engine.client.containers.list(filters=mine, ignore_removed=True)}


def rate(pages: Pages) -> float:
    """What the service last said about how many requests come."""
    known = pages.stage.tables.requests["requests_per_second"].dropna()
    return float(known.iloc[-1]) if len(known) else 0.0


def service(pages: Pages, name: str) -> dict[str, str]:
    """What the presenter's page says of one service."""
    return next(one for one in pages.state()["services"] if one["name"] == name)


def test_load_starts_changes_and_stops(pages: Pages) -> None:
    """The service is asked at the rate that was set; one generator runs at a time, and none after the stop."""
    pages.said("load", request="POST /orders", rate_per_second=10)
    wait_for(lambda: 8 <= rate(pages) <= 12, "ten a second")
    pages.said("load", request="GET /orders", rate_per_second=30)
    wait_for(lambda: 26 <= rate(pages) <= 34, "thirty a second")
    assert len(generators(pages.stage.stack)) == 1
    assert pages.state()["load"] == {"request": "GET /orders", "rate_per_second": 30}
    pages.said("load-stop")
    assert (generators(pages.stage.stack), pages.state()["load"]) == (set(), None)


def test_load_goes_on_when_its_generator_ends(pages: Pages) -> None:
    """A generator has an end, and may be removed by somebody: another one follows."""
    pages.said("load", request="GET /orders", rate_per_second=5)
    stack = pages.stage.stack
    [first] = generators(stack)
    stack.session.engine.client.containers.get(first).kill()
    wait_for(lambda: len(generators(stack) - {first}) == 1, "another generator")
    assert pages.state()["problems"] == []
    assert pages.stage.driving.now == Driven("GET /orders", 5)


def test_a_fault_ends_when_its_time_is_over(pages: Pages) -> None:
    """It says how long it still lasts, and then it is gone by itself."""
    pages.said("fault", fault="pause", target="redis", seconds=5)
    [one] = pages.state()["in_force"]
    assert (one["fault"], one["target"], 0 < one["seconds_left"] <= 5) == ("pause", "redis", True)
    wait_for(lambda: service(pages, "redis")["status"] == "paused", "it is frozen")
    wait_for(lambda: pages.state()["in_force"] == [], "its end")
    assert pages.stage.stack.container("redis").status == "running"


def test_one_is_undone_and_the_other_stays(pages: Pages) -> None:
    """By its id; a second click on the same button changes nothing."""
    first = pages.said("fault", fault="latency", target="redis", parameters={"latency_ms": 100.0})
    pages.said("fault", fault="pause", target="replica-db")
    assert pages.said("undo", id=first) is True
    assert pages.said("undo", id=first) is False
    assert [one["fault"] for one in pages.state()["in_force"]] == ["pause"]


def test_what_died_of_a_limit_runs_again_when_it_is_undone(pages: Pages) -> None:
    """A limit below what it needs kills it; undone, it has its limits back and is started."""
    stack = pages.stage.stack
    before = snapshot(stack.container("redis"))
    pages.stage.strike("limits", "redis", {"memory_mib": 64.0})
    stack.container("redis").kill()  # what the kernel does where the limit is too low
    wait_for(lambda: stack.container("redis").status == "exited", "its end")
    pages.stage.undo_all()
    assert stack.container("redis").status == "running"
    assert snapshot(stack.container("redis"))["limits"] == before["limits"]


def test_a_fault_that_a_notebook_made_is_shown_and_left_alone(pages: Pages) -> None:
    """The desk shows it, has no button for it, and does not undo what another block still needs."""
    with faults.fault("pause", pages.stage.stack, "redis"):
        [one] = pages.state()["in_force"]
        assert (one["id"], one["fault"]) == ("", "pause")


def test_a_request_is_found_by_its_id(pages: Pages) -> None:
    """One order under an id of ours; its lines, and nobody else's."""
    pages.said("load", request="GET /orders", rate_per_second=10)
    assert pages.stage.order("find-me-1234") == 201
    wait_for(lambda: bool(pages.said("find", request_id="find-me-1234")), "its line")
    lines = pages.said("find", request_id="find-me-1234")
    assert all("find-me-1234" in line for line in lines)
    assert pages.said("find", request_id="nobody") == []


def test_a_checkpoint_brings_the_stage_to_the_start_of_a_lesson(pages: Pages, workspace: Workspace) -> None:
    """Faults are undone, the load has ended, changed files are fresh and kept aside; meanwhile no fault is let in."""
    notebook = workspace.notebooks / "04_monitoring.ipynb"
    fresh = notebook.read_bytes()
    notebook.write_text("{}")
    pages.said("load", request="GET /orders", rate_per_second=5)
    pages.said("fault", fault="pause", target="redis")
    pages.said("goto", lesson="04")
    with pytest.raises(WorkshopError, match="being changed just now"):
        pages.stage.strike("pause", "redis", {})
    with pytest.raises(WorkshopError, match="being changed just now"):
        pages.stage.load("GET /orders", 5)
    pages.stage.work.wait(120)
    work = pages.state()["work"]
    assert (work["problem"], work["runs"]) == ("", False)
    assert "04_monitoring is at its start." in work["outcome"]
    assert (pages.state()["in_force"], pages.state()["load"]) == ([], None)
    assert notebook.read_bytes() == fresh
    assert generators(pages.stage.stack) == set()


def test_two_desks_on_one_engine_do_not_disturb_each_other(
    pages: Pages, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each breaks, sees, undoes and closes its own stack; the other's faults and load go on."""
    workspace = Workspace.open(tmp_path_factory.mktemp("second desk"))
    stack = ready.stack_of(workspace, ready.session_of(workspace, engine))
    try:
        with Stage(stack, workspace) as second:
            pages.said("load", request="GET /orders", rate_per_second=5)
            pages.said("fault", fault="pause", target="redis")
            second.driving.start("GET /orders", 5)
            second.strike("latency", "master-db", {"latency_ms": 50.0})
            assert [one.fault for one in second.force.in_force()] == ["latency"]
            assert [one["fault"] for one in pages.state()["in_force"]] == ["pause"]
            assert (stack.container("redis").status, len(generators(stack))) == ("running", 1)
            second.undo_all()
            assert [one["fault"] for one in pages.state()["in_force"]] == ["pause"]
            second.strike("pause", "redis", {})
        assert (generators(stack), Journal(stack.session).entries()) == (set(), [])
        assert stack.container("redis").status == "running"
        assert pages.stage.stack.container("redis").status == "paused"
        assert len(generators(pages.stage.stack)) == 1
    finally:
        assert cleanup.remove(stack.session, {"kernel", "workspace"}).left == []


def test_closing_undoes_all_and_ends_the_load(stack: Stack, tmp_path: Path, workspace: Workspace) -> None:
    """However many are in force, in which order: nothing is left, and no thread of ours goes on."""
    before = {name: snapshot(one) for name, one in stack.containers().items()}
    stage = Stage(stack, workspace).open()
    stage.driving.start("GET /orders", 5)
    stage.strike("latency", "redis", {})
    stage.strike("pause", "redis", {}, 600)
    stage.strike("kill", "replica-db", {})
    assert stage.close() == []
    assert Journal(stack.session).entries() == []
    assert generators(stack) == set()
    assert {name: snapshot(one) for name, one in stack.containers().items()} == before
    assert {one.status for one in stack.containers().values()} == {"running"}


def test_well_is_waited_for_and_not_in_vain(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """It returns once the service says so; while it does not, the wait ends with a sentence."""
    pages.stage.wait_until_well()
    monkeypatch.setattr(stage_module, "WELL_WITHIN_SECONDS", 6.0)
    pages.said("fault", fault="pause", target="redis")
    with pytest.raises(WorkshopError, match="does not get well"):
        pages.stage.wait_until_well()
