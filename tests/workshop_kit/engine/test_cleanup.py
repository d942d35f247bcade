"""Clean-up removes what carries the workspace's id; what belongs to others stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from workshop_kit.engine import cleanup, containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.labels import (
    COMPOSE_FOLDER,
    COMPOSE_PROJECT,
    IMAGE_SCOPE,
    IMAGE_SESSION,
    MAKER,
    SCOPE,
    SESSION,
)
from workshop_kit.engine.session import Session

SLEEP = ("python3", "-c", "import time; time.sleep(600)")


def sleeper(session: Session, image: str, **labels: str) -> Any:
    """A container with these labels that the kit did not create."""
    return session.engine.client.containers.create(image, list(SLEEP), labels=labels)


def exists(container: Any) -> bool:
    """Whether the engine still has it."""
    return bool(container.client.containers.list(all=True, filters={"id": container.id}))


@contextmanager
def built(session: Session, images: dict[str, str], tag: str, labels: dict[str, str]) -> Iterator[str]:
    """The tag of a new image with these labels; what is left of it is removed at the end of the block."""
    container = session.engine.client.containers.create(images["base"], ["true"])
    container.commit(*tag.rsplit(":", 1), changes=[f"LABEL {key}={value}" for key, value in labels.items()])
    container.remove()
    try:
        yield tag
    finally:
        for image in session.engine.client.images.list(name=tag):
            session.engine.client.images.remove(image.id, force=True)


def foreign_labels(session: Session) -> dict[str, dict[str, str]]:
    """Labels of containers that are not the session's."""
    perfect = session.labels("kernel")
    project = session.identity.service_project
    return {
        "none": {},
        "another session": {**perfect, SESSION: "deadbeef"},
        "a longer session": {**perfect, SESSION: session.identity.workspace_id + "0"},
        "a copied maker": {MAKER: session.maker, SCOPE: "kernel"},
        "the project's name alone": {COMPOSE_PROJECT: project},
        "the project's name in another folder": {COMPOSE_PROJECT: project, COMPOSE_FOLDER: "/elsewhere/my_service"},
        "by hand from an image of the workspace": session.image_labels("kernel"),
    }


def test_foreign_containers_stay_whatever_their_labels_are(own: Session, images: dict[str, str]) -> None:
    """A copied maker or project removes nothing; who copies the workspace's id as well is the workspace's."""
    foreign = {why: sleeper(own, images["base"], **labels) for why, labels in foreign_labels(own).items()}
    folder = str(own.folder.parent / "my_service")
    composed = {COMPOSE_PROJECT: own.identity.service_project, COMPOSE_FOLDER: folder}
    try:
        mine = [containers.run(own, Spec(images["base"], command=SLEEP)).container]
        mine += [sleeper(own, images["base"], **labels) for labels in (own.labels("workspace"), composed)]
        removed = cleanup.remove(own, {"kernel", "workspace"}).removed
        assert {resource.id for resource in removed} == {container.id for container in mine}
        assert {why: exists(container) for why, container in foreign.items()} == dict.fromkeys(foreign, True)
    finally:
        for container in foreign.values():
            container.remove(force=True)


@pytest.mark.engine
def test_foreign_networks_and_volumes_stay(own: Session) -> None:
    """The same for networks and volumes, also where the name is that of the workspace."""
    client = own.engine.client
    labels = {MAKER: own.maker, SCOPE: "workspace", COMPOSE_PROJECT: own.identity.service_project}
    volume = client.volumes.create(f"{own.identity.workspace_id}-data", labels=labels)
    network = client.networks.create(f"{own.identity.workspace_id}-net", labels=labels)
    try:
        assert cleanup.remove(own, {"kernel", "workspace"}).removed == []
        assert client.volumes.get(volume.name)
        assert client.networks.get(network.id)
    finally:
        volume.remove()
        network.remove()


def test_the_users_name_of_an_image_stays(own: Session, images: dict[str, str]) -> None:
    """``down`` removes the names that the kit gave; an image that has only the user's name is the user's."""
    client = own.engine.client
    labels = own.image_labels("workspace")
    name = f"{own.identity.image_prefix}report:1"
    users_name = "users-own-report:1"
    with built(own, images, name, labels), built(own, images, "users-other-report:1", labels) as other:
        client.images.get(name).tag(users_name)
        assert [resource.name for resource in cleanup.remove(own, {"workspace"}).removed] == [name]
        assert client.images.get(other)
        client.images.remove(users_name)


def test_machine_images_go_unless_a_container_uses_them(
    own: Session, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They carry no workspace: any workspace removes them, but none that a container of another one uses."""
    names = f"localhost/{own.identity.workspace_id}-test/"
    monkeypatch.setattr(cleanup, "MACHINE_NAMES", (names,))  # other tests need the images of the machine
    labels = {IMAGE_SCOPE: "machine"}
    with (
        built(own, images, f"{names}unused:1", labels) as unused,
        built(own, images, f"{names}used:1", {**labels, "number": "2"}) as used,
        built(own, images, "users-own:1", {**labels, "number": "3"}) as users,
    ):
        user = sleeper(own, used, **{SESSION: "deadbeef"})
        try:
            assert cleanup.remove(own, {"kernel", "workspace"}).removed == []
            assert [resource.name for resource in cleanup.remove(own, {"machine"}).removed] == [unused]
            assert own.engine.client.images.get(used).labels.get(IMAGE_SESSION) is None
        finally:
            user.remove()
        assert [resource.name for resource in cleanup.remove(own, {"machine"}).removed] == [used]
        assert own.engine.client.images.get(users)
