"""The stack comes up and is recorded as a whole, and an error names its cause."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import own_stack
from tests.workshop_kit.engine.kernels import things
from workshop_kit.engine import cleanup, recipes
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.stack import SECRETS, Stack, write_secrets, write_variables
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.patience import wait_for


@pytest.fixture
def other(images: dict[str, str], tmp_path: Path) -> Iterator[Stack]:
    """A second participant's stack, not up."""
    with own_stack(tmp_path / "another 'workspace' $HOME") as stack:
        yield stack


def test_two_stacks_run_side_by_side_and_one_is_removed_whole(
    other: Stack, stack: Stack, engine: Engine, http: httpx.Client
) -> None:
    """``up`` returns when the service is ready; everything of the stack is its own, and is removed."""
    other.up()
    kinds = sorted(thing.split()[0] for thing in things(engine, other.session.identity.workspace_id))
    assert kinds == ["container"] * 4 + ["network"] + ["volume"] * 2
    assert other.url() != stack.url()
    answer = http.post(other.url() + "/orders", json={"item": "only here", "quantity": 1})
    assert answer.status_code == 201, answer.text
    theirs = http.get(f"{stack.url()}/orders/{answer.json()['id']}")
    assert "only here" not in theirs.text
    other.container("service").stop()
    with pytest.raises(WorkshopError, match="it is exited"):
        other.url()
    with pytest.raises(WorkshopError, match=r"no container 'master' \(master-db, redis, replica-db, service\)"):
        other.container("master")
    cleanup.remove(other.session, {"workspace"})
    assert things(engine, other.session.identity.workspace_id) == []
    assert wait_for(lambda: http.get(stack.url() + "/readyz").status_code == 200, 60)


def test_what_docker_compose_up_made_by_hand_is_removed(
    other: Stack, root: Path, engine: Engine, tmp_path: Path
) -> None:
    """The README's ``docker compose up`` with the variables of set-up: ``down`` finds all of it."""
    write_secrets(other.folder / "secrets")
    write_variables(tmp_path / ".env", other.variables())
    command = ["docker", "compose", "--env-file", str(tmp_path / ".env"), "up", "--detach", "redis"]
    subprocess.run(command, cwd=root, check=True)
    removed = cleanup.remove(other.session, {"kernel", "workspace"}).removed
    assert {"container", "network"} <= {entry.kind for entry in removed}
    label = {"label": f"com.docker.compose.project={other.project}"}
    assert engine.client.containers.list(all=True, filters=label) == []


def test_a_container_that_cannot_start_is_shown_with_its_last_lines(other: Stack) -> None:
    """The error has the last lines of a database that cannot use its secret."""
    write_secrets(other.folder / "secrets")
    secret = other.folder / "secrets" / "master_db_password"
    secret.chmod(0o600)
    secret.write_bytes(b"\xff\xfe")
    with pytest.raises(WorkshopError) as caught:
        other.up()
    assert "master-db exited with code 1" in caught.value.what
    assert "not UTF-8 text" in caught.value.output


def test_images_out_of_date_are_named_before_anything_starts(other: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed recipe without a build: the error names the image, and nothing was created."""
    changed = {**recipes.tags(other.root), "app": f"{recipes.REPOSITORY}/app:changed"}
    monkeypatch.setattr(recipes, "tags", lambda _root: changed)
    with pytest.raises(NotReady, match="missing or out of date: app"):
        other.up()
    assert things(other.session.engine, other.session.identity.workspace_id) == []


@pytest.mark.long
def test_up_waits_for_an_unhealthy_dependency(live_stack: Stack) -> None:
    """One service is started while its Redis is unhealthy: compose alone would fail at once."""
    live_stack.container("redis").pause()
    assert wait_for(lambda: live_stack.container("redis").health == "unhealthy", 120)
    live_stack.container("redis").unpause()
    live_stack.up("service")
    assert live_stack.container("redis").health == "healthy"


def test_secrets_are_written_once_and_closed_to_others(tmp_path: Path) -> None:
    """The folder is for the owner alone; a second start keeps what the database already knows."""
    folder = tmp_path / "secrets"
    write_secrets(folder)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    write_secrets(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert sorted(first) == sorted(SECRETS)
    assert all(len(secret) >= 32 for secret in first.values())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_users_own_env_file_stays(tmp_path: Path) -> None:
    """A ``.env`` without the kit's first line is not overwritten; one with it is."""
    path = tmp_path / ".env"
    path.write_text("MINE=1\n")
    assert write_variables(path, {"A": "1"}) is False
    assert path.read_text() == "MINE=1\n"
    path.unlink()
    assert write_variables(path, {"A": "1"}) is True
    assert write_variables(path, {"A": "two words"}) is True
    assert 'A="two words"' in path.read_text()
