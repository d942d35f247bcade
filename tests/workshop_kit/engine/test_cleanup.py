"""Clean-up removes what is in the ledger and carries our labels; what belongs to others stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.engine import cleanup, containers
from workshop_kit.engine.labels import COMPOSE_PROJECT, KIT, KIT_NAME, OWNER, SCOPE, SESSION
from workshop_kit.engine.ledger import Entry
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import REPOSITORY
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

pytestmark = pytest.mark.engine
SLEEP = ("python3", "-c", "import time; time.sleep(600)")


@pytest.fixture
def own(engine: Engine, tmp_path: Path) -> Iterator[Session]:
    """A session of its own: nothing of it may be left, whatever the test does."""
    session = provision.session_of(Workspace.open(tmp_path / "own"), engine)
    yield session
    cleanup.remove(session, {"kernel", "workspace", "machine"})


def sleeper(session: Session, images: dict[str, str], **labels: str) -> Any:
    """A container with these labels that the kit did not create."""
    return session.engine.client.containers.create(images["base"], list(SLEEP), labels=labels)


def exists(container: Any) -> bool:
    """Whether the engine still has it."""
    found = container.client.containers.list(all=True, filters={"id": container.id})
    return bool(found)


def forgeries(session: Session) -> dict[str, dict[str, str]]:
    """Labels that are not the session's, from far to an exact copy."""
    perfect = session.identity.labels("kernel")
    return {
        "none": {},
        "the kit's label alone": {KIT: KIT_NAME},
        "another session": {**perfect, SESSION: "deadbeef"},
        "a longer session": {**perfect, SESSION: session.identity.session + "0"},
        "the owner alone": {OWNER: session.identity.owner, SCOPE: "kernel"},
        "a perfect copy": perfect,
    }


def test_foreign_containers_stay_whatever_their_labels_are(own: Session, images: dict[str, str]) -> None:
    """Near-equal labels, and even a copy of the session's own, do not get a foreign container removed."""
    foreign = {why: sleeper(own, images, **labels) for why, labels in forgeries(own).items()}
    try:
        mine = containers.run(own, Spec(images["base"], command=SLEEP))
        cleanup.remove(own, {"kernel", "workspace"})
        assert not exists(mine.container)
        assert {why: exists(container) for why, container in foreign.items()} == dict.fromkeys(foreign, True)
        assert cleanup.unlisted(own) == [f"container {foreign['a perfect copy'].name}"]
    finally:
        for container in foreign.values():
            container.remove(force=True)


def test_foreign_networks_and_volumes_stay(own: Session) -> None:
    """The same for networks and volumes, also where the name is that of a recorded one."""
    client, labels = own.engine.client, own.identity.labels("workspace")
    volume = client.volumes.create(f"{own.identity.session}-data", labels=labels)
    # The session's own volume was removed by hand; another one of the same name was created after that.
    own.ledger.add(Entry("volume", f"{volume.name}@2020-01-01T00:00:00Z", volume.name, "workspace"))
    network = client.networks.create(f"{own.identity.session}-net", labels=labels)
    own.ledger.add(Entry("network", "0" * 64, network.name, "workspace"))
    try:
        outcome = cleanup.remove(own, {"kernel", "workspace"})
        assert outcome.removed == []
        assert client.volumes.get(volume.name)
        assert client.networks.get(network.id)
        assert own.ledger.entries() == []
    finally:
        volume.remove()
        network.remove()


def test_a_recorded_container_with_other_labels_stays(own: Session, images: dict[str, str]) -> None:
    """The ledger alone removes nothing: ledger and labels must agree."""
    foreign = sleeper(own, images, **{KIT: "another-kit"})
    own.ledger.add(Entry("container", foreign.id, foreign.name, "kernel"))
    try:
        assert cleanup.remove(own, {"kernel"}).removed == []
        assert exists(foreign)
    finally:
        foreign.remove(force=True)


def test_another_workspace_stays(own: Session, engine: Engine, images: dict[str, str], tmp_path: Path) -> None:
    """Clean-up of one of two workspaces on one engine does not touch the other."""
    other = provision.session_of(Workspace.open(tmp_path / "other"), engine)
    theirs = containers.run(other, Spec(images["base"], command=SLEEP))
    try:
        cleanup.remove(own, {"kernel", "workspace", "machine"})
        assert exists(theirs.container)
    finally:
        theirs.remove()
    assert other.ledger.entries() == []


DIES_WHILE_CREATING = """
import os, sys
from pathlib import Path
from workshop_kit.engine import reach
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace
session = provision.session_of(Workspace.open(Path(sys.argv[1])), reach.connect())
session.engine.client.containers.create(sys.argv[2], ["python3"], labels=session.labels("kernel"))
print("created", flush=True)
sys.stdin.read()
"""


def test_a_program_killed_before_it_records_a_container_leaves_nothing(
    own: Session, images: dict[str, str], tmp_path: Path, root: Path
) -> None:
    """The labels find the container whose maker died (kill -9) between creating and recording it."""
    victim = subprocess.Popen(
        [sys.executable, "-c", DIES_WHILE_CREATING, str(tmp_path / "own"), images["base"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == "created\n"
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    [outcome] = cleanup.remove(own, {"kernel"}).removed
    assert outcome.kind == "container"
    assert own.ledger.entries() == []


def test_what_compose_made_by_hand_is_removed(own: Session, images: dict[str, str]) -> None:
    """The README's ``docker compose up`` records nothing: the project and the labels decide, and both must fit."""
    labels = own.identity.labels("workspace")
    mine = sleeper(own, images, **labels, **{COMPOSE_PROJECT: own.identity.project})
    foreign = [
        sleeper(own, images, **labels, **{COMPOSE_PROJECT: "another"}),
        sleeper(own, images, **{COMPOSE_PROJECT: own.identity.project}),
    ]
    try:
        assert [entry.id for entry in cleanup.remove(own, {"kernel", "workspace"}).removed] == [mine.id]
        assert [exists(one) for one in foreign] == [True, True]
        assert cleanup.unlisted(own) == [f"container {foreign[0].name}"]
    finally:
        for one in foreign:
            one.remove(force=True)


def test_an_image_of_our_name_without_our_labels_stays(own: Session, images: dict[str, str]) -> None:
    """``down --all`` removes an image that this workspace built, recorded or not, and no other of such a name."""
    client, tags = (
        own.engine.client,
        [f"{REPOSITORY}/debian:{own.identity.session}", f"{REPOSITORY}/mine:{own.identity.session}"],
    )
    client.images.get(images["base"]).tag(tags[0])  # built by another workspace
    made = client.containers.create(images["base"], ["true"])
    made.commit(*tags[1].split(":"), changes=[f"LABEL {k}={v}" for k, v in own.identity.labels("machine").items()])
    made.remove()
    try:
        assert [entry.name for entry in cleanup.remove(own, {"machine"}).removed] == [tags[1]]
        assert client.images.get(tags[0])
    finally:
        client.images.remove(tags[0])


def test_a_bad_line_of_the_ledger_blocks_nothing(own: Session, images: dict[str, str]) -> None:
    """Clean-up removes the rest and tells the line."""
    mine = containers.run(own, Spec(images["base"], command=SLEEP))
    own.ledger.path.write_text(f"{own.ledger.path.read_text()}[]\n")
    outcome = cleanup.remove(own, {"kernel", "workspace"})
    assert [entry.id for entry in outcome.removed] == [mine.id]
    assert "line 2 was passed over" in outcome.unreadable[0]


def test_an_image_in_use_stays_recorded_with_the_reason(own: Session, images: dict[str, str]) -> None:
    """A foreign container uses the image: the next clean-up tries again."""
    client = own.engine.client
    tag = f"container-workshop/scratch:{own.identity.session}"
    made = client.containers.create(images["base"], ["true"])
    made.commit(
        *tag.split(":"), changes=[f"LABEL {key}={value}" for key, value in own.identity.labels("machine").items()]
    )
    made.remove()
    own.ledger.add(Entry("image", client.images.get(tag).id, tag, "machine"))
    user = client.containers.create(tag, ["true"])
    try:
        outcome = cleanup.remove(own, {"machine"})
        [(entry, reason)] = outcome.left
        assert entry.name == tag
        assert "container" in reason
        assert own.ledger.entries() == [entry]
    finally:
        user.remove()
    assert [entry.name for entry in cleanup.remove(own, {"machine"}).removed] == [tag]
