"""The participant's containers: the SDK's collection, of one workspace; see `client` for what it adds."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from docker.errors import APIError, ContainerError, NotFound
from docker.models.containers import Container, ContainerCollection
from docker.models.images import Image

from workshop_kit.engine import markers
from workshop_kit.engine.client_images import IDENTIFIER
from workshop_kit.engine.labels import COMPOSE_PROJECT, SERVICE
from workshop_kit.engine.session import Session
from workshop_kit.engine.session_client import SessionClient

LOOPBACK = "127.0.0.1"
FREEZE_TRIES = 5
"""On a busy machine the kernel now and then does not freeze the processes of a container at the first attempt."""
BUILT_IN_NETWORKS = ("bridge", "default", "host", "none")


class WorkspaceContainer(Container):  # type: ignore[misc]
    """The SDK's container: its statistics have the same form on every engine, and its pauses have markers."""

    def __repr__(self) -> str:
        return f"<Container: {self.short_id}>"

    def pause(self) -> None:
        """Pause the container. If this process is killed before it calls `unpause`, `Stack.up` unpauses it."""
        with markers.marked(self.client.session, self):
            freeze(super().pause)

    def unpause(self) -> None:
        """Unpause the container."""
        with markers.locked(self.client.session):
            super().unpause()
            markers.unmark(self.client.session, self.id)

    def stats(self, **options: Any) -> Any:
        """Return the SDK's ``stats``; of a stopped container, of which Podman answers an error, with no memory."""
        statistics = super().stats(**options)
        if options.get("stream") is False:
            statistics.setdefault("memory_stats", {})
        return statistics


def freeze(pause: Callable[[], None]) -> None:
    """Pause a container by the SDK's ``pause``, again where the engine could not freeze it. Raises APIError."""
    for tries_left in reversed(range(FREEZE_TRIES)):
        try:
            pause()
        except APIError as refusal:
            if tries_left == 0 or "unable to freeze" not in str(refusal):
                raise
        else:
            return


class Containers(ContainerCollection):  # type: ignore[misc]
    """The SDK's collection of containers, of one workspace. Its ``create`` makes every container of the kit."""

    model = WorkspaceContainer
    client: SessionClient

    def run(self, image: str | Image, command: Any = None, **options: Any) -> Any:
        """Run a container. See the SDK's ``run``, which pulls an absent image.

        If that fails, a note of the error names the images that this workspace has built.
        """
        is_left_running = options.get("detach") or options.get("stream")
        try:
            if is_left_running:
                return super().run(image, command, **options)
            return self._run_and_read(image, command, **options)
        except APIError as error:
            sentence = self.client.images.missing(image) if isinstance(image, str) else None
            if sentence:
                error.add_note(sentence)
            raise

    def _run_and_read(self, image: str | Image, command: Any, **options: Any) -> bytes:
        """Run a container, and read its log once it has ended: Podman loses output that the SDK's ``run`` follows."""
        streams = {"stdout": options.pop("stdout", True), "stderr": options.pop("stderr", False)}
        must_remove = options.pop("remove", False)
        container = super().run(image, command, **{**options, "detach": True})
        try:
            status = container.wait()["StatusCode"]
            if status:
                raise ContainerError(container, status, command, image, container.logs(stdout=False, stderr=True))
            return bytes(container.logs(**streams))
        finally:
            if must_remove:
                container.remove()

    def create(self, image: str | Image, command: Any = None, **options: Any) -> Container:
        """Create a container, in place of the workspace's earlier one of that name. See the SDK's ``create``."""
        if not isinstance(image, Image):
            image = self.client.images.real_name(image)  # no such image: raises before anything is removed

        ports = options.get("ports") or {}
        if options.pop("publish_all_ports", False):
            ports = {**self._exposed_ports(image), **ports}
        options["ports"] = bind_to_loopback(ports)
        options["volumes"] = self._real_volumes(options.get("volumes") or {})

        name = options.get("name")
        options.update(self._network_options(options, name))
        options["labels"] = self.client.session.labels(self.client.scope, options.get("labels"))
        if name:
            options["labels"][SERVICE] = name
            options["name"] = self.client.names.real_name(name)
            self._remove_earlier(options["name"])
        return super().create(image, command, **options)

    def get(self, container_id: str) -> Container:
        """Get a container by its id, or a container of this workspace by its name.

        The name is the one that it was created with, that of its service, or its full name in the engine.
        """
        if IDENTIFIER.fullmatch(container_id):
            return super().get(container_id)

        real_name = self.client.names.real_name(container_id)
        compose_name = f"{real_name}-1"
        for name in dict.fromkeys([real_name, compose_name, container_id]):
            with contextlib.suppress(NotFound):
                container = super().get(name)
                if self.is_mine(container.labels):
                    return container
        raise NotFound(f"There is no container {container_id!r} in this workspace.")

    def list(
        self, all: bool = False, limit: int = -1, filters: Mapping[str, Any] | None = None, **options: Any
    ) -> list[Container]:
        """List this workspace's containers. See the SDK's ``list``; one that is removed meanwhile is left out."""
        real_filters = dict(filters or {})
        if "ancestor" in real_filters:
            real_filters["ancestor"] = self.client.images.real_name(real_filters["ancestor"])

        # The engine's own limit would count the containers of others.
        sdk_options = {"ignore_removed": True, **options}
        all_containers = super().list(all=all or limit > 0, filters=real_filters, **sdk_options)
        if not self.client.session.engine.dialect.lists_newest_first:
            all_containers.sort(key=lambda container: container.attrs["Created"], reverse=True)

        own_containers = []
        for container in all_containers:
            labels = container.attrs["Labels"] if options.get("sparse") else container.labels
            if self.is_mine(labels):
                own_containers.append(container)
        return own_containers[:limit] if limit > 0 else own_containers

    def is_mine(self, labels: Mapping[str, str]) -> bool:
        """Return whether these are labels of a container of this workspace, and no marker's."""
        return self.client.session.owns(labels) and markers.TARGET not in labels

    def _exposed_ports(self, image: str | Image) -> dict[str, None]:
        """Return the ports that an image declares as keys, each for a free port of this machine."""
        sdk_image = image if isinstance(image, Image) else self.client.images.get(image)
        return dict.fromkeys(sdk_image.attrs["Config"].get("ExposedPorts") or {})

    def _network_options(self, options: Mapping[str, Any], alias: str | None) -> dict[str, Any]:
        """Return the options that connect a container, under an alias, to the network named or else the workspace's.

        Return nothing if ``options`` name a network mode or one of the engine's own networks, which have no aliases.
        """
        network = options.get("network")
        if options.get("network_mode") or options.get("network_disabled") or network in BUILT_IN_NETWORKS:
            return {}

        networks = self.client.networks
        real_network = networks.real_name(network) if network else networks.ensure_default()
        network_options: dict[str, Any] = {"network": real_network}
        if alias and "networking_config" not in options:
            endpoint = self.client.api.create_endpoint_config(aliases=[alias])
            network_options["networking_config"] = {real_network: endpoint}
        return network_options

    def _real_volumes(self, volumes: Mapping[str, Any] | Sequence[str]) -> Any:
        """Return the SDK's ``volumes``, a mapping or texts ``SOURCE:TARGET``, with the real names of the sources."""
        if isinstance(volumes, Mapping):
            return {self._real_source(source): target for source, target in volumes.items()}

        real_volumes = []
        for volume in volumes:
            source, colon, target = volume.partition(":")
            is_anonymous = not colon
            real_volumes.append(source if is_anonymous else f"{self._real_source(source)}:{target}")
        return real_volumes

    def _real_source(self, source: str) -> str:
        """Return the real name of the workspace's volume, which is created if absent; a path stays as it is."""
        if source.startswith(("/", ".", "~")):
            return source
        return str(self.client.volumes.create(source).name)

    def _remove_earlier(self, name: str) -> None:
        """Remove the workspace's container of this name, if there is one and it is not one of the stack."""
        with contextlib.suppress(NotFound):
            container = super().get(name)
            is_of_the_stack = container.labels.get(COMPOSE_PROJECT) == self.client.names.project
            if self.is_mine(container.labels) and not is_of_the_stack:
                remove_container(self.client.session, container.id)


def remove_container(session: Session, identifier: str) -> None:
    """Kill and remove a container with its anonymous volumes; being gone already is fine."""
    api = session.engine.client.api
    try:
        if session.engine.dialect.stops_before_removal:  # a killed container need not be waited for
            with contextlib.suppress(APIError):
                api.kill(identifier)
        api.remove_container(identifier, v=True, force=True)
    except NotFound:
        pass
    except APIError as refusal:
        if refusal.status_code != http.client.CONFLICT:  # a conflict: another process is removing it at this moment
            raise


def bind_to_loopback(ports: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the SDK's ``ports``, with 127.0.0.1 wherever no address was given.

    >>> bind_to_loopback({"8080/tcp": None, 9090: 9090, 53: ("0.0.0.0", 5353)})
    {'8080/tcp': ('127.0.0.1', None), 9090: ('127.0.0.1', 9090), 53: ('0.0.0.0', 5353)}
    """
    return {port: _bind(binding) for port, binding in ports.items()}


def _bind(binding: Any) -> Any:
    """Return a binding in one of the SDK's forms: an address with a port, a port, None, or a list of these."""
    if isinstance(binding, list):
        return list(map(_bind, binding))
    has_address = isinstance(binding, tuple) and len(binding) == 2
    return binding if has_address else (LOOPBACK, binding)
