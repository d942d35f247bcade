"""What is found without running anything: settings of containers, a live container, and the bounds of a clone."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.audit import bad_images
from tests.workshop_kit.audit.bad_images import CONFINED, SETTINGS
from workshop_kit.audit import catalog, clones
from workshop_kit.audit.data import Verdict
from workshop_kit.audit.examine import examine
from workshop_kit.audit.network import private_network
from workshop_kit.audit.targets import resolve
from workshop_kit.engine.labels import COMPOSE_PROJECT, SESSION
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage

pytestmark = pytest.mark.engine

INSPECTED = [rule.id for rule in catalog.rules() if rule.looks_at == "inspect"]


def test_faults_in_the_settings_of_a_container_are_found(session: Session, images: dict[str, str]) -> None:
    """Each by the rule that is meant to, and by no other that inspects; a confined container has none."""
    cases = {**SETTINGS, "confined": ("", {})}
    found = {}
    for name, (_, changes) in cases.items():
        settings = {key: value for key, value in {**CONFINED, **changes}.items() if value is not None}
        with bad_images.created(session, images["app"], **settings) as word:
            found[name] = {finding.rule.id for finding in examine(session, word, only=INSPECTED).failing()}
    assert found == {name: {rule} - {""} for name, (rule, _) in cases.items()}


def test_a_live_container_is_looked_at_and_nothing_is_run(stack: Stack) -> None:
    """Its settings, lines and answers are judged; what only a clone shows cannot be told; it goes on as it was."""
    client, ours = stack.session.engine.client, {"label": f"{SESSION}={stack.session.who.session}"}
    before = {one.id for one in client.containers.list(all=True, filters=ours, ignore_removed=True)}
    container = stack.container("service")
    started = container.attrs["State"]["StartedAt"]
    only = ["lifecycle", "confinement.limits", "logs", "monitoring", "build"]
    (audited,) = examine(stack.session, f"container:{container.id}", only=only, live=True).audited
    found = {finding.rule.id: finding for finding in audited.findings}
    for name in (
        "confinement.limits",
        "logs.to-streams",
        "logs.structured",
        "logs.time-and-level",
        "logs.no-files",
        "monitoring.probes-fast",
        "monitoring.metrics-valid",
        "build.single-concern",
    ):
        assert found[name].verdict is Verdict.HOLDS, found[name]
    for name in ("lifecycle.stops-in-time", "monitoring.health-truthful"):
        assert found[name].verdict is Verdict.CANNOT_TELL
        assert "Leave --live out" in found[name].said
    container.reload()
    assert (container.attrs["State"]["StartedAt"], container.attrs["RestartCount"]) == (started, 0)
    assert {one.id for one in client.containers.list(all=True, filters=ours, ignore_removed=True)} <= before


def test_a_project_is_audited_container_by_container(stack: Stack) -> None:
    """Each has the name of its service."""
    project = stack.container("service").labels[COMPOSE_PROJECT]
    report = examine(stack.session, f"compose:{project}", only=["confinement.limits"])
    assert {one.target for one in report.audited} == set(stack.containers())
    assert report.failing() == ()


def test_a_clone_has_bounds_and_nothing_of_the_hosts(session: Session, images: dict[str, str], tmp_path: Path) -> None:
    """Memory, CPU, processes, files and log are limited; sockets, namespaces, privileges and networks stay away."""
    careless = {
        "privileged": True,
        "pid_mode": "host",
        "network_mode": "host",
        "cap_add": ["SYS_ADMIN"],
        "volumes": {
            "/var/run/docker.sock": {"bind": "/var/run/docker.sock", "mode": "rw"},
            str(tmp_path): {"bind": "/mine", "mode": "rw"},
        },
    }
    with ExitStack() as block:
        word = block.enter_context(bad_images.created(session, images["app"], **careless))
        (target,) = resolve(session.engine, word)
        network = block.enter_context(private_network(session))
        clone = block.enter_context(clones.make(session, clones.recipe(target, {}, network)))
        host = clone.inspect()["HostConfig"]
        internal = session.engine.client.networks.get(network).attrs["Internal"]
    assert internal
    assert host["NetworkMode"] == network
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (1024**3, 1_000_000_000, 256)
    assert host["LogConfig"]["Config"] == {"max-size": "4m", "max-file": "2"}
    assert {one["Name"]: one["Hard"] for one in host["Ulimits"]}["fsize"] == 64 * 1024**2
    assert (host["Privileged"], host["PidMode"], host["CapAdd"] or []) == (False, "", [])
    assert [(one["Source"], one["ReadOnly"]) for one in host["Mounts"]] == [(str(tmp_path), True)]
    assert not host["Binds"]


@pytest.mark.parametrize(
    ("word", "more", "sentence"),
    [
        ("container:no-such-thing", {}, "There is neither an image nor a container"),
        ("../../info", {}, "There is neither an image nor a container"),
        ("compose:no-such-project", {}, "No container belongs to a compose project 'no-such-project'."),
        ("{app}", {"live": True}, "an image does not live"),
        ("{app}", {"backing": "redis"}, "names no compose project"),
    ],
)
def test_a_word_that_names_no_target_is_wrong_usage(
    session: Session, images: dict[str, str], word: str, more: dict[str, Any], sentence: str
) -> None:
    """One sentence says what there is not."""
    with pytest.raises(WrongUsage, match=sentence):
        examine(session, word.format(**images), **more)
