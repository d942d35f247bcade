"""Our own service: every rule that applies holds; the naive starters fail the rules that their lesson is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workshop_kit.audit.counting import PATIENCE_SECONDS, Looked, look, wrong
from workshop_kit.audit import catalog
from workshop_kit.audit.data import Verdict
from workshop_kit.audit.examine import examine
from workshop_kit.engine import containers
from workshop_kit.engine.labels import COMPOSE_PROJECT, SESSION
from workshop_kit.engine.spec import like
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise.checks import limits_fragment

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

UNSEEN = {"monitoring.metrics-valid"}
"""Where /metrics is not there, it cannot be told."""

INSPECTED = [rule.id for rule in catalog.rules() if rule.looks_at == "inspect"]
STARTERS = {
    # lesson and file: what is looked at, and the rules that must find fault with the service when it runs the starter
    "01_container/__main__.py": ("lifecycle", {"lifecycle.stops-in-time"}),
    "02_configuration/config.py": ("config", {"config.from-environment"}),
    # its refusal to start goes to the file, too
    "03_logging/logs.py": ("logs,config", {"logs.to-streams", "config.fails-fast"}),
    "04_monitoring/health.py": ("monitoring", {"monitoring.liveness-alone"}),
}


def test_every_rule_that_applies_holds_for_our_service(stack: Stack) -> None:
    """As a clone, without its database, its replica and Redis."""
    word = f"container:{stack.container('service').id}"
    (audited,) = examine(stack.session, word, budget_seconds=PATIENCE_SECONDS).audited
    rest = {
        finding.rule.id: (str(finding.verdict), finding.said)
        for finding in audited.findings
        if finding.verdict is not Verdict.HOLDS and finding.rule.id not in UNSEEN
    }
    assert rest == {}


def test_the_real_service_is_not_touched(stack: Stack) -> None:
    """It neither restarts nor changes while it is audited, and its project has no more containers than before."""
    container = stack.container("service")
    before = (container.attrs["State"]["StartedAt"], sorted(stack.containers()))
    examine(stack.session, f"container:{container.id}", only=["lifecycle"])
    again = stack.container("service")
    assert (again.attrs["State"]["StartedAt"], sorted(stack.containers())) == before
    assert again.attrs["State"]["Running"]


def test_the_starter_of_limits_limits_nothing(stack: Stack, root: Path) -> None:
    """A reservation and shares are wishes: the one rule of confinement that the exercise is about, and no other."""
    asked = limits_fragment.read((root / "exercises" / "01_container" / "limits.yaml").read_text())
    wishes = {"MemoryReservation": asked.memory_wish_bytes, "CpuShares": asked.cpu_shares}
    limits = {"memory_bytes": asked.memory_bytes, "cpus": asked.cpus, "pids": asked.pids}
    spec = like(stack.container("service"), host=wishes, **limits)
    with containers.run(stack.session, spec) as naive:
        looked = look(stack.session, "limits", f"container:{naive.id}", {"confinement.limits"}, INSPECTED)
    assert wrong([looked]) == {}


@pytest.mark.parametrize("place", STARTERS)
def test_a_starter_fails_the_rules_of_its_lesson(stack: Stack, root: Path, place: str) -> None:
    """Those and no other of their guideline (of all: the soak test): the rest of the service is ours."""
    guidelines, _ = STARTERS[place]
    assert wrong([of_starter(stack, root, place, [guidelines, "dynamic"])]) == {}


def of_starter(stack: Stack, root: Path, place: str, only: Sequence[str] = ()) -> Looked:
    """Audit the service with a starter in place of its own module."""
    _, rules = STARTERS[place]
    text = (root / "exercises" / place).read_text()
    module = {f"workshop_app/{Path(place).name}": text}
    with containers.lay_over(stack.session, stack.container("service"), module) as naive:
        return look(stack.session, place, f"container:{naive.id}", rules, only)


def test_live_looks_and_runs_nothing(stack: Stack) -> None:
    """Static rules judge as ever, dynamic ones say why they do not, and nothing is made."""
    client, ours = stack.session.engine.client, {"label": f"{SESSION}={stack.session.who.session}"}
    before = {one.id for one in client.containers.list(all=True, filters=ours, ignore_removed=True)}
    word = f"container:{stack.container('service').id}"
    (audited,) = examine(stack.session, word, only=["lifecycle", "confinement.limits"], live=True).audited
    found = {finding.rule.id: finding for finding in audited.findings}
    assert found["confinement.limits"].verdict is Verdict.HOLDS
    assert found["lifecycle.stops-in-time"].verdict is Verdict.CANNOT_TELL
    assert "Leave --live out" in found["lifecycle.stops-in-time"].said
    assert {one.id for one in client.containers.list(all=True, filters=ours, ignore_removed=True)} <= before


def test_live_reads_its_lines_and_asks_its_probes(stack: Stack) -> None:
    """What can be seen without a stop or a second start is judged on the container itself, which goes on as it was."""
    container = stack.container("service")
    before = container.attrs["State"]
    (audited,) = examine(
        stack.session, f"container:{container.id}", only=["logs", "monitoring", "build"], live=True
    ).audited
    found = {finding.rule.id: finding.verdict for finding in audited.findings}
    looked = ("logs.to-streams", "logs.structured", "logs.time-and-level", "logs.no-files", "monitoring.probes-fast")
    assert {
        name: found[name] for name in (*looked, "monitoring.metrics-valid", "build.single-concern")
    } == dict.fromkeys((*looked, "monitoring.metrics-valid", "build.single-concern"), Verdict.HOLDS)
    assert found["monitoring.health-truthful"] is Verdict.CANNOT_TELL
    container.reload()
    assert (container.attrs["State"]["StartedAt"], container.attrs["RestartCount"]) == (before["StartedAt"], 0)


def test_a_live_one_that_stands_still_is_said_so(stack: Stack) -> None:
    """Nobody asks a paused container, and nobody waits for its answer."""
    with containers.run(stack.session, like(stack.container("service"))) as running:
        running.wait_ready("/livez", within_seconds=60)
        running.container.pause()
        word = f"container:{running.id}"
        (audited,) = examine(stack.session, word, only=["monitoring.probes-fast", "logs.to-streams"], live=True).audited
        running.container.unpause()
    found = {finding.rule.id: finding for finding in audited.findings}
    assert found["logs.to-streams"].verdict is Verdict.HOLDS
    assert found["monitoring.probes-fast"].verdict is Verdict.CANNOT_TELL
    assert "It is paused." in found["monitoring.probes-fast"].said


def test_a_project_is_audited_container_by_container(stack: Stack) -> None:
    """Each by its service's name; these are all confined. (A collector of logs is not: it is root, as the logs are.)"""
    project = stack.container("service").labels[COMPOSE_PROJECT]
    report = examine(stack.session, f"compose:{project}", only=["confinement", "static"])
    four = {"service", "master-db", "replica-db", "redis"}
    audited = tuple(one for one in report.audited if one.target in four)
    assert {one.target for one in audited} == four
    assert replace(report, audited=audited).failing() == ()


def test_backing_services_are_cloned_beside_it(stack: Stack) -> None:
    """With clones of its database and Redis the service says that it is ready."""
    project = stack.container("service").labels[COMPOSE_PROJECT]
    word = f"container:{stack.container('service').id}"
    report = examine(stack.session, word, only=["monitoring.probes-fast"], backing=f"compose:{project}")
    (finding,) = report.audited[0].findings
    assert finding.verdict is Verdict.HOLDS
    assert any(one.saw.startswith("/readyz: 200") for one in finding.evidence)
