"""Clean-up removes what is in the ledger and carries our labels; what belongs to others stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workshop_kit import provision
from workshop_kit.engine import cleanup, containers
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.labels import COMPOSE_PROJECT, KIT, KIT_NAME, OWNER, SCOPE, SESSION
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import REPOSITORY
from workshop_kit.engine.session import Entry, Session
from workshop_kit.workspace.folder import Workspace

SLEEP = ("python3", "-c", "import time; time.sleep(600)")


def sleeper(session: Session, images: dict[str, str], **labels: str) -> Any:
    """A container with these labels that the kit did not create."""
    return session.engine.client.containers.create(images["base"], list(SLEEP), labels=labels)


def exists(container: Any) -> bool:
    """Whether the engine still has it."""
    matches = container.client.containers.list(all=True, filters={"id": container.id})
    return bool(matches)


def labeled_image(session: Session, images: dict[str, str]) -> str:
    """The tag of a new image with the session's labels that is not recorded."""
    tag = f"{REPOSITORY}/mine:{session.identity.workspace_id}"
    container = session.engine.client.containers.create(images["base"], ["true"])
    container.commit(*tag.split(":"), changes=[f"LABEL {k}={v}" for k, v in session.identity.labels("machine").items()])
    container.remove()
    return tag


def forgeries(session: Session) -> dict[str, dict[str, str]]:
    """Labels that are not the session's, from far to an exact copy."""
    perfect = session.identity.labels("kernel")
    project = session.identity.project
    return {
        "none": {},
        "the kit's label alone": {KIT: KIT_NAME},
        "another session": {**perfect, SESSION: "deadbeef"},
        "a longer session": {**perfect, SESSION: session.identity.workspace_id + "0"},
        "the owner alone": {OWNER: session.identity.owner, SCOPE: "kernel"},
        "the project alone": {COMPOSE_PROJECT: project},
        "another project": {**perfect, COMPOSE_PROJECT: f"{project}-2"},
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
        copies = {f"container {foreign[why].name}" for why in ("another project", "a perfect copy")}
        assert set(cleanup.list_unlisted(own)) == copies
    finally:
        for container in foreign.values():
            container.remove(force=True)


def test_the_ledger_alone_or_another_workspaces_labels_remove_nothing(
    own: Session, engine: Engine, images: dict[str, str], tmp_path: Path
) -> None:
    """Ledger and labels must agree, and be those of this workspace."""
    foreign = sleeper(own, images, **{KIT: "another-kit"})
    own.ledger.add(Entry("container", foreign.id, foreign.name, "kernel"))
    other_session = provision.session_of(Workspace.open(tmp_path / "other"), engine)
    theirs = containers.run(other_session, Spec(images["base"], command=SLEEP))
    try:
        assert cleanup.remove(own, {"kernel", "workspace", "machine"}).removed == []
        assert (exists(foreign), exists(theirs.container)) == (True, True)
    finally:
        foreign.remove(force=True)
        theirs.remove()


@pytest.mark.engine
def test_foreign_networks_and_volumes_stay(own: Session) -> None:
    """The same for networks and volumes, also where the name is that of a recorded one."""
    client = own.engine.client
    labels = own.identity.labels("workspace")
    volume = client.volumes.create(f"{own.identity.workspace_id}-data", labels=labels)
    # The session's own volume was removed by hand; another one of the same name was created after that.
    own.ledger.add(Entry("volume", f"{volume.name}@2020-01-01T00:00:00Z", volume.name, "workspace"))
    network = client.networks.create(f"{own.identity.workspace_id}-net", labels=labels)
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


def test_an_image_of_our_name_without_our_labels_stays(own: Session, images: dict[str, str]) -> None:
    """``down --all`` removes an image that this workspace built, recorded or not, and no other of such a name."""
    client = own.engine.client
    foreign = f"{REPOSITORY}/debian:{own.identity.workspace_id}"
    client.images.get(images["base"]).tag(foreign)  # built by another workspace
    mine = labeled_image(own, images)
    try:
        assert [entry.name for entry in cleanup.remove(own, {"machine"}).removed] == [mine]
        assert client.images.get(foreign)
    finally:
        client.images.remove(foreign)


def test_an_image_in_use_stays_recorded_with_the_reason(own: Session, images: dict[str, str]) -> None:
    """A foreign container uses the image: the next clean-up tries again."""
    client = own.engine.client
    tag = labeled_image(own, images)
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
