"""What a task is, as data. The names in JSON are those of Amazon ECS; docs/parameter-store.md lists the subset."""

from __future__ import annotations

from dataclasses import dataclass

from workshop_kit.errors import WrongUsage


@dataclass(frozen=True)
class HealthCheck:
    """How the engine asks a container whether it is well; ``command`` begins with CMD or CMD-SHELL."""

    command: tuple[str, ...]
    interval_seconds: int = 30
    timeout_seconds: int = 5
    retries: int = 3
    start_period_seconds: int = 0


@dataclass(frozen=True)
class SecretReference:
    """A variable whose value is in the store: ``name`` is the variable, ``parameter`` the name in the store."""

    name: str
    parameter: str


@dataclass(frozen=True)
class ContainerDefinition:
    """One container of a task. ``image`` is a digest or an image's id: a tag could be another image tomorrow.

    ``cpu_units``: 1024 are one core. None in a limit means the workshop's own default, 256 MiB and one core.
    """

    name: str
    image: str
    environment: tuple[tuple[str, str], ...] = ()  # name and value
    secrets: tuple[SecretReference, ...] = ()
    memory_mib: int | None = None
    cpu_units: int | None = None
    health_check: HealthCheck | None = None
    ports: tuple[int, ...] = ()
    stop_timeout_seconds: int = 30
    read_only: bool = True
    command: tuple[str, ...] | None = None
    entry_point: tuple[str, ...] | None = None
    user: str | None = None


@dataclass(frozen=True)
class TaskDefinition:
    """Containers that are started together, under a name."""

    family: str
    containers: tuple[ContainerDefinition, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where: ``containerDefinitions[0].memory``. It never holds a value."""

    path: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.path} {self.wrong}."


class InvalidTask(WrongUsage):
    """A task definition cannot be used; ``problems`` has all that is wrong with it, not just the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = "" if len(problems) == 1 else f"{len(problems)} things are wrong. "
        super().__init__(f"The task definition cannot be used. {count}{' '.join(map(str, problems))}".strip())
        self.next_step = "Correct it, then run it again."
        self.problems = problems
