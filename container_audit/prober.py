"""Probers send requests to the clones: from a container on their network, or from this machine without such an image.

This machine reaches that network only if the engine runs on it, and not in a virtual machine; so a container is used
wherever an image has Python. Its program is `prober_inside`, which takes questions at a port on 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from docker.errors import APIError

from workshop_kit.engine import containers, images, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running, url_of
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.paths import CHECKOUT, LAUNCHER, clone_command
from workshop_kit.patience import patient

PYTHON_IMAGE = "python:3.13-slim"
"""The image of the container where the workshop has no checkout, or its base image is not built."""
PATH = "/prober"
PACKAGE = "workshop_kit.observe"
"""The only package of the kit in the container; it has two modules there."""
PROGRAM = Path(__file__).with_name("prober_inside.py")
PORT = 8080
MORE_SECONDS = 5.0
"""How much longer a question to the container may take than the request that it asks for."""
PORTS_SECONDS = 10.0


class HostProber:
    """Sends requests from this machine."""

    def open_ports(self, address: str, ports: Sequence[int]) -> tuple[int, ...]:
        """Return which of these TCP ports of a clone accept a connection."""
        return tuple(port for port in ports if http.is_port_open(address, port))

    def get(self, url: str, *, timeout_seconds: float) -> Answer:
        """Send one GET to a clone and read the answer."""
        return http.get(url, timeout_seconds=timeout_seconds)


@dataclass(frozen=True)
class ContainerProber:
    """Asks a container to send requests; ``url`` is its address on this machine, ``token`` proves who asks."""

    running: Running
    url: str
    token: str = field(repr=False)

    def open_ports(self, address: str, ports: Sequence[int]) -> tuple[int, ...]:
        """Return which of these TCP ports of a clone accept a connection.

        Raises WorkshopError if the prober does not answer: that is no finding about the clone.
        """
        answer = self._ask(PORTS_SECONDS, address=address, ports=list(ports))
        return tuple(answer.json() or ())

    def get(self, url: str, *, timeout_seconds: float) -> Answer:
        """Send one GET to a clone and read the answer. Raises WorkshopError if the prober does not answer."""
        answer = self._ask(timeout_seconds, url=url, timeout_seconds=timeout_seconds)
        fields = answer.json()
        if not fields:
            return Answer(None, answer.seconds, error=str(answer), url=url)
        return Answer(**fields)

    def _ask(self, seconds: float, **question: Any) -> Answer:
        """Send a question to the container; ``seconds`` is the time that its request may take.

        Raises WorkshopError if the container does not answer.
        """
        answer = http.request(
            "POST",
            self.url,
            json_body={**question, "token": self.token},
            timeout_seconds=patient(seconds + MORE_SECONDS),
        )
        if answer.status is None and answer.error != http.TOO_LARGE:
            sentence = f"The container from which the audit asks a clone gave no answer itself ({answer.error})."
            raise WorkshopError(sentence, "Audit it again.")
        return answer


Prober = HostProber | ContainerProber


@contextlib.contextmanager
def on_network(session: Session, network: str) -> Iterator[Prober]:
    """Yield a prober for the network of the clones; a container is removed at the end of the block.

    Raises NotReady if no image has Python, and this machine does not reach the network.
    """
    image = image_with_python(session)
    if image:
        container_prober = _start_container(session, image, network)
        try:
            yield container_prober
        finally:
            container_prober.running.remove()
    elif _is_here(session, network):
        yield HostProber()
    else:
        sentence = "A clone is asked from a container with Python, and this engine has no image for it."
        raise NotReady(sentence, f"Run docker pull {PYTHON_IMAGE}, or {clone_command('setup')}.")


def image_with_python(session: Session) -> str:
    """Return the workshop's base image, or the official one of Python; "" if the engine has neither."""
    tags = [PYTHON_IMAGE]
    if LAUNCHER.is_file():
        tags.insert(0, recipes.tags(CHECKOUT)["base"])
    for tag in tags:
        if images.has_image(session.engine, tag):
            return tag
    return ""


def _is_here(session: Session, network: str) -> bool:
    """Return whether the gateway of the network is an address of this machine, which then reaches the containers."""
    configurations = session.engine.client.networks.get(network).attrs["IPAM"]["Config"] or ()
    gateways = {configuration.get("Gateway") for configuration in configurations}
    addresses_of_interfaces = psutil.net_if_addrs().values()
    own_addresses = {address.address for addresses in addresses_of_interfaces for address in addresses}
    return bool(gateways & own_addresses)


def _start_container(session: Session, image: str, network: str) -> ContainerProber:
    """Start a container that sends requests, and connect it to the network of the clones."""
    token = secrets.token_urlsafe(24)
    folder = f"{PATH}/{PACKAGE.replace('.', '/')}"
    sources = (PROGRAM, Path(http.__file__))
    spec = Spec(
        image,
        command=("python3", "-B", "-P", "-m", f"{PACKAGE}.{PROGRAM.stem}"),
        environment={"TOKEN": token, "PYTHONPATH": PATH},
        ports=(PORT,),
        volumes=(folder,),
        files={f"{folder}/{source.name}": source.read_text() for source in sources},
    )
    running = containers.run(session, spec)

    def takes_questions() -> bool:
        attributes = running.inspect()
        if not attributes["State"]["Running"]:  # it has no port, and `wait_for` raises the error
            return False
        return http.get(url_of(attributes, PORT)).status is not None

    try:
        running.wait_for(takes_questions, goal="take questions")
        # While it joins a network, the engine writes /etc/hosts anew, in which the program looks for its address.
        session.engine.client.networks.get(network).connect(running.id)
        running.wait_for(takes_questions, goal="take questions on the network of the clones")
        return ContainerProber(running, running.url(), token)
    except APIError as error:
        running.remove()
        raise WorkshopError(f"The engine refused to connect a prober: {error.explanation}.") from error
    except BaseException:
        running.remove()
        raise
