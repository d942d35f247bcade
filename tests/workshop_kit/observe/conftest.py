"""Plain containers for the tests of observe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session

Start = Callable[..., Running]


@pytest.fixture
def start(session: Session, images: dict[str, str]) -> Iterator[Start]:
    """Start a container that runs Python code without a shell; the spec can be changed. All are removed at the end."""
    running_containers: list[Running] = []

    def start_one(code: str, **changes: object) -> Running:
        spec = Spec(images["base"], command=("python3", "-u", "-c", code))
        running_containers.append(containers.run(session, replace(spec, **changes)))  # type: ignore[arg-type]
        return running_containers[-1]

    yield start_one
    for running in running_containers:
        running.remove()
