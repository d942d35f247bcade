"""What lessons need of an engine is judged and kept: engines by their recorded answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.engine.recorded_engines import (
    COLIMA,
    DESKTOP,
    DOCKER_24,
    GOOD,
    LIMITS,
    PODMAN,
    ROOTLESS,
    ROOTLESS_WITH_SYSTEMD,
    Recorded,
)
from workshop_kit.commands import doctor
from workshop_kit.engine import containers, features
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import WITHOUT_START_INTERVAL, Stack
from workshop_kit.errors import NotInTime, WorkshopError

NO_USAGE = {"Container statistics", "CPU periods"}


@pytest.mark.parametrize(
    ("recorded", "lacks", "source"),
    [
        (DOCKER_24, set(), "/var/lib/docker/containers"),
        (DESKTOP, set(), "/var/run/docker.sock"),
        (COLIMA, {"Engine memory"}, "/var/lib/docker/containers"),
        (ROOTLESS, LIMITS | NO_USAGE | {"Pause"}, "/run/user/1000/docker.sock"),
        (ROOTLESS_WITH_SYSTEMD, set(), "/run/user/1000/docker.sock"),
        (PODMAN, {"Health checks"} | NO_USAGE, "/run/podman/podman.sock"),
    ],
)
def test_each_engine_is_judged_and_gets_a_stack_that_fits(
    recorded: Recorded, lacks: set[str], source: str, tmp_path: Path, root: Path
) -> None:
    """The report names what an engine lacks, with the cost and an advice; paths are those of the engine's machine.

    Only an API before 1.44 takes the start intervals away.
    """
    session = recorded.session(tmp_path)
    answers = GOOD | recorded.answers
    for feature in (trial.feature(session, answers[trial.name]) for trial in features.feature_trials()):
        line = doctor.feature_line(feature)
        assert (line.state, bool(line.command)) == (("fixable", True) if line.name in lacks else ("good", False))
        assert line.state == "good" or feature.trial.cost in line.detail
    stack = Stack(session, root, tmp_path, session.identity.project)
    assert session.engine.dialect.log_source(recorded.info) == source
    assert (WITHOUT_START_INTERVAL in stack.files) == (recorded in (DOCKER_24, PODMAN))


def test_a_machine_that_is_too_slow_says_nothing_of_its_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called missing, and doctor says how long it waited."""

    def late(*_: Any) -> None:
        raise NotInTime("The container did not become healthy within 200 s.")

    monkeypatch.setattr(containers, "run", late)
    results = features.examine(ROOTLESS.session(tmp_path), "base", tmp_path)
    assert {doctor.feature_line(feature).state for feature in results} == {"n/a"}
    assert "too busy: The container did not become healthy within 200 s" in doctor.feature_line(results[0]).detail


@pytest.mark.engine
def test_a_folder_that_the_engine_does_not_share_is_found(
    session: Session, images: dict[str, str], tmp_path: Path
) -> None:
    """Colima shares the home folder alone: elsewhere a container sees an empty folder, or the engine refuses it."""
    [trial] = [trial for trial in features.feature_trials() if trial.name == "Shared files"]
    with features.shared_file(tmp_path) as shared:
        other_file = tmp_path / "other"
        other_file.write_text("another text")

        answers = {}
        for mounted in (shared, tmp_path, other_file):
            spec = trial.container(session, images["base"], shared)
            spec.more["mounts"][0]["Source"] = str(mounted)
            with containers.run(session, spec) as running:
                answers[mounted] = trial.feature(session, features.ANSWERS[trial.answer](running)).works
        spec = trial.container(session, images["base"], shared)
        spec.more["mounts"][0]["Source"] = str(tmp_path / "none")
        with pytest.raises(WorkshopError, match="bind source path does not exist"):
            containers.run(session, spec)
    assert answers == {shared: True, tmp_path: False, other_file: False}
    assert not shared.exists()
