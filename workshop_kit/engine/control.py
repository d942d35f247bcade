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
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotInTime
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import VARIABLE, usually_waiting

PROGRAM = ("python3", "-c", "import asyncio")
SLOW_SECONDS = 1.5
"""An idle machine takes a third of it, also one in a virtual machine."""
MANY_PER_CORE = 4.0
"""With so many programs for each core, any program waits most of its time."""
NEXT_STEP = f"Close what else runs beside it and try again. {VARIABLE}=10 makes every limit ten times as long."


@dataclass(frozen=True)
class Control:
    """What this machine needs now: the seconds for a small program, and the programs that want each core."""

    program_seconds: float
    programs_per_core: float

    @property
    def is_slow(self) -> bool:
        """Whether time is no evidence."""
        return self.program_seconds > SLOW_SECONDS or self.programs_per_core > MANY_PER_CORE

    def __str__(self) -> str:
        program = f"a small program took {self.program_seconds:.1f} s in a container"
        return (
            f"This machine was slow meanwhile: {program}, and {self.programs_per_core:.0f} programs wanted each core."
        )


def measure(session: Session, image: str = "") -> Control:
    """Run the small program in a container, and count the programs that want a core.

    ``image`` has Python; by default it is the base of all images.
    """
    programs_per_core = usually_waiting()
    began = time.monotonic()
    spec = Spec(image or recipes.tags(CHECKOUT)["base"], command=PROGRAM, network="none")
    with contextlib.suppress(NotInTime), containers.run(session, spec) as running:  # the seconds say it
        running.wait_ended()

    return Control(time.monotonic() - began, programs_per_core)


@contextlib.contextmanager
def explain_if_slow(session: Session) -> Iterator[None]:
    """Add to a NotInTime that the block raises that the machine was slow, if it was."""
    try:
        yield
    except NotInTime as error:
        control = measure(session)
        if not control.is_slow:
            raise
        raise NotInTime(f"{error.what} {control}", NEXT_STEP, output=error.output) from error
