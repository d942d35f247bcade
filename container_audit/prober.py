"""A container on the network of the clones, which sends requests to them.

This machine reaches that network only where the engine runs on it, and not in a virtual machine. Its program is
`prober_inside`; it is asked through a port that is published on 127.0.0.1.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from docker.errors import APIError

from workshop_kit.engine import containers, images, recipes
from workshop_kit.engine.containers import Running, Spec
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import patient

PATH = "/prober"
PACKAGE = "workshop_kit.observe"
"""The only package of the kit in the container; it has two modules there."""
PROGRAM = Path(__file__).with_name("prober_inside.py")
MORE_SECONDS = 5.0
"""How much longer than its request a question may take."""
PORTS_SECONDS = 10.0


@dataclass(frozen=True)
class Prober:
    """A started prober at an address of this machine."""

    running: Running
    url: str
    token: str = field(repr=False)

    def open_ports(self, address: str, ports: Sequence[int]) -> tuple[int, ...]:
        """Return those of the TCP ports of a clone that accept a connection.

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.running.remove()


def start(session: Session, network: str) -> Prober:
    """Start a prober and connect it to the network of the clones. Raises NotReady without the workshop's base image."""
    image = recipes.tags(CHECKOUT)["base"]
    if not images.is_there(session.engine, image):
        sentence = "A clone is asked from a container of the workshop's base image, which this engine lacks."
        raise NotReady(sentence, "Run ./workshop setup.")

    token = secrets.token_urlsafe(24)
    folder = f"{PATH}/{PACKAGE.replace('.', '/')}"
    sources = (PROGRAM, Path(http.__file__))
    spec = Spec(
        image,
        command=("python3", "-B", "-P", "-m", f"{PACKAGE}.{PROGRAM.stem}"),
        environment={"TOKEN": token, "PYTHONPATH": PATH},
        ports=(8080,),
        volumes=(folder,),
        files={f"{folder}/{source.name}": source.read_text() for source in sources},
    )
    running = containers.run(session, spec)

    def takes_questions() -> bool:
        return http.get(running.url()).status is not None

    try:
        session.engine.client.networks.get(network).connect(running.id)
        running.wait_until(takes_questions, what="take questions")
        return Prober(running, running.url(), token)
    except APIError as error:
        running.remove()
        raise WorkshopError(f"The engine refused to connect a prober: {error.explanation}.") from error
    except BaseException:
        running.remove()
        raise
