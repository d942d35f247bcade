"""How many seats a machine carries, by its memory and its disk."""

from __future__ import annotations

from dataclasses import dataclass

from workshop_kit.bootstrap import memory
from workshop_kit.bootstrap.memory import GIB
from workshop_kit.engine import images
from workshop_kit.engine.reach import Engine

SEAT_BYTES = 2 * GIB
"""The memory to plan for one seat; with the lessons' containers it has about 530 MiB, and at most `LIMIT_BYTES`."""
LIMIT_BYTES = 4 * GIB
SEAT_DISK_BYTES = 2_000_000_000
"""The disk to plan for one seat: 0.9 GB for the workshop's images on its own engine, and what is built there."""
RESERVED_BYTES = 2 * GIB
"""The memory of the machine's own system, its engine and the hub."""


@dataclass(frozen=True)
class Capacity:
    """A machine's memory, and the free bytes where its engine stores volumes; None where they are not known."""

    memory_bytes: int
    disk_bytes: int | None

    @property
    def by_memory(self) -> int:
        """The seats that the memory is enough for."""
        return max((self.memory_bytes - RESERVED_BYTES) // SEAT_BYTES, 0)

    @property
    def by_disk(self) -> int | None:
        """The seats that the free disk is enough for."""
        return None if self.disk_bytes is None else self.disk_bytes // SEAT_DISK_BYTES

    @property
    def seats(self) -> int:
        """The seats that both are enough for."""
        return min([self.by_memory, *([] if self.by_disk is None else [self.by_disk])])

    def __str__(self) -> str:
        """Return a sentence with the number and where it comes from.

        >>> str(Capacity(24 * GIB, 60_000_000_000))
        'This machine carries 11 seats: 24.0 GiB of memory are enough for 11, 60 GB of free disk for 30.'
        """
        said = f"{self.memory_bytes / GIB:.1f} GiB of memory are enough for {self.by_memory}"
        if self.disk_bytes is not None:
            said += f", {self.disk_bytes / 1e9:.0f} GB of free disk for {self.by_disk}"
        return f"This machine carries {self.seats} seats: {said}."


def of_machine(engine: Engine) -> Capacity:
    """Return the capacity of this machine with its engine."""
    return Capacity(memory.usable_bytes(), images.free_bytes(engine))
