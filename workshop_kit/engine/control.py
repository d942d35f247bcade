"""The one control: whether this machine was too slow for a judgment by time, asked where a limit has passed.

A small Python program runs in a container, confined as a participant's service is. An empty container would not do:
with 0.04 of a core it took 0.6 s, where a service was not up after 8 s. With a quick control what was seen last is
judged, however long it took.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotInTime
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import VARIABLE, configured_factor

PROGRAM = ("python3", "-c", "import asyncio")
SLOW_SECONDS = 1.0
"""An idle machine takes less than half of it."""
NEXT_STEP = f"Close what else runs beside it and try again. {VARIABLE}=10 makes every limit ten times as long."


@dataclass(frozen=True)
class Control:
    """How long this machine takes for a small program in a container now, in seconds."""

    program_seconds: float

    @property
    def is_slow(self) -> bool:
        """Whether time is no evidence. The limit grows with the factor that the variable sets, as all limits do."""
        return self.program_seconds > SLOW_SECONDS * (configured_factor() or 1.0)

    def __str__(self) -> str:
        """Return the sentence that ends a message about a time limit."""
        program = f"a small program took {self.program_seconds:.1f} s in a container"
        return f"This machine was slow meanwhile: {program}."


def measure(session: Session, image: str = "") -> Control:
    """Run the small program in a container of ``image``, which has Python; by default the base of all images."""
    began = time.monotonic()
    spec = Spec(image or recipes.tags(CHECKOUT)["base"], command=PROGRAM, network="none")
    with contextlib.suppress(NotInTime), containers.run(session, spec) as running:  # the seconds say it
        running.wait_ended()

    return Control(time.monotonic() - began)


@contextlib.contextmanager
def explain_if_slow(session: Session) -> Iterator[None]:
    """If the block raises NotInTime, and the machine measures as slow, say so in the error."""
    try:
        yield
    except NotInTime as error:
        machine = measure(session)
        if not machine.is_slow:
            raise
        raise NotInTime(f"{error.what} {machine}", NEXT_STEP, output=error.output) from error
