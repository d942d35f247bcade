"""A small orchestrator: task definitions in a subset of Amazon ECS's JSON, checked, and run on this machine.

docs/parameter-store.md lists the subset.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from botocore.loaders import Loader
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import ENVIRONMENT, SERVICE
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import MIB, SECRETS_FOLDER, Spec
from workshop_kit.engine.store import Parameter, Store
from workshop_kit.errors import WrongUsage, did_you_mean

Delivery = Literal["environment", "files"]
DIGEST = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")
PARAMETER = re.compile(r"(?:arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter)?(/[\w.-]+(?:/[\w.-]+)*)", re.ASCII)
SHOWN_CHARACTERS = 40


class InvalidTask(WrongUsage):
    """A task definition cannot be used; ``problems`` has a sentence without values for each of its mistakes.

    It begins with the place: ``containerDefinitions[0].memory``.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(f"The task definition cannot be used. {' '.join(problems)}", "Correct it, then run it again.")
        self.problems = problems


def _mistake(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("mistake", "{sentence}", {"sentence": sentence})


def _digest(text: str) -> str:
    if not DIGEST.fullmatch(text):
        raise _mistake("has to name a digest (NAME@sha256:… or sha256:…), since a tag can move to another image")
    return text


def _parameter(text: str) -> str:
    if text.startswith("arn:aws:secretsmanager:"):
        raise _mistake("is in Secrets Manager, which Amazon ECS reads and the workshop's runner does not")
    if (found := PARAMETER.fullmatch(text)) is None:
        raise _mistake("has to be a parameter's name, such as /workshop/staging/redis/password, or its ARN")
    return found[1]


def _require_distinct(names: list[str]) -> None:
    if twins := [name for name in names if names.count(name) > 1]:
        raise _mistake(f"sets {twins[0]} twice")


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Words = Annotated[list[str], Field(min_length=1)]


class _Part(BaseModel):
    """A JSON object of a task definition; ``shape`` is its name in botocore's model of Amazon ECS."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    shape: ClassVar[str]


class Variable(_Part):
    """A variable and its value."""

    shape = "KeyValuePair"
    name: VariableName
    value: str


class SecretReference(_Part):
    """A variable whose value is in the store: ``name`` is the variable, ``parameter`` the name in the store."""

    shape = "Secret"
    name: VariableName
    parameter: Annotated[str, AfterValidator(_parameter)] = Field(alias="valueFrom")


class PortMapping(_Part):
    """A port of the container, which gets a free port on 127.0.0.1."""

    shape = "PortMapping"
    container_port: int = Field(alias="containerPort", ge=1, le=65535)


class ContainerDefinition(_Part):
    """One container of a task. ``image`` is a digest or an image's id: a tag could be another image tomorrow.

    ``cpu_units``: 1024 are one core. None in a limit means the workshop's own default, 256 MiB and one core.
    """

    shape = "ContainerDefinition"
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")
    image: Annotated[str, AfterValidator(_digest)]
    variables: list[Variable] = Field([], alias="environment")
    secrets: list[SecretReference] = []
    memory_mib: int | None = Field(None, alias="memory", ge=6)
    cpu_units: int | None = Field(None, alias="cpu", ge=16)
    port_mappings: list[PortMapping] = Field([], alias="portMappings")
    stop_timeout_seconds: int = Field(30, alias="stopTimeout", ge=0, le=120)
    command: Words | None = None
    entry_point: Words | None = Field(None, alias="entryPoint")
    user: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The values of the plain variables, by name."""
        return {one.name: one.value for one in self.variables}

    @property
    def ports(self) -> tuple[int, ...]:
        """The container's published ports."""
        return tuple(one.container_port for one in self.port_mappings)

    @model_validator(mode="after")
    def _sets_no_variable_twice(self) -> ContainerDefinition:
        _require_distinct([one.name for one in self.variables] + [one.name for one in self.secrets])
        return self


class TaskDefinition(_Part):
    """Containers that are started together, under a name."""

    shape = "RegisterTaskDefinitionRequest"
    family: str = Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")
    containers: list[ContainerDefinition] = Field(alias="containerDefinitions", min_length=1, max_length=10)

    @model_validator(mode="after")
    def _has_no_container_twice(self) -> TaskDefinition:
        _require_distinct([one.name for one in self.containers])
        return self


_PARTS: dict[str, type[_Part]] = {
    "": TaskDefinition,
    "containerDefinitions": ContainerDefinition,
    "environment": Variable,
    "secrets": SecretReference,
    "portMappings": PortMapping,
}
"""The kind of object below each key of JSON."""


def parse(document: str | Mapping[str, Any]) -> TaskDefinition:
    """Return a task definition from JSON text or from what JSON text becomes. Raises InvalidTask with all problems."""
    try:
        if isinstance(document, str):
            return TaskDefinition.model_validate_json(document)
        return TaskDefinition.model_validate(document)
    except ValidationError as error:
        # An unknown key first: it often explains why another one is absent.
        errors = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
        raise InvalidTask(tuple(map(_problem, errors))) from None  # pydantic's error holds values


def keys(part: type[_Part]) -> list[str]:
    """Return the keys of JSON that a part has."""
    return [field.alias or name for name, field in part.model_fields.items()]


def _problem(error: ErrorDetails) -> str:
    """Return one of pydantic's errors as a sentence without the value."""
    place, wrong = error["loc"], f"{error['msg']}."
    if error["type"] == "extra_forbidden":
        place, key = place[:-1], str(place[-1])
        part = _PARTS[next((one for one in reversed(place) if isinstance(one, str)), "")]
        wrong = _unknown(key, part)
    return f"{_path(place) or 'The document'}: {wrong}"


def _path(place: Iterable[int | str]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")


def _unknown(key: str, part: type[_Part]) -> str:
    if key in _ecs_keys(part.shape):
        return f"has the key {key!r}, which Amazon ECS knows and the workshop's runner does not."
    return f"has the unknown key {key[:SHOWN_CHARACTERS]!r}. {did_you_mean(key, keys(part))}".rstrip()


@functools.cache
def _ecs_keys(shape: str) -> frozenset[str]:
    """Return the keys that Amazon ECS knows in an object, from botocore's description of the service."""
    model: Mapping[str, Any] = Loader().load_service_model("ecs", "service-2")
    return frozenset(model["shapes"][shape]["members"])


@contextlib.contextmanager
def run(
    session: Session,
    task: TaskDefinition,
    store: Store,
    *,
    network: str | None = None,
    delivery: Delivery = "environment",
) -> Iterator[dict[str, Running]]:
    """Start a task's containers with the secrets read from the store; yield them by the names in the definition.

    ``network`` is the name of the network they join. They are removed at the end of the block. Raises WorkshopError:
    a parameter that is missing or may not be read, a store that does not answer, an image that is not there.
    """
    specs = resolve(task, store, network=network, delivery=delivery)
    with contextlib.ExitStack() as block:
        yield {name: block.enter_context(containers.run(session, spec)) for name, spec in specs.items()}


def resolve(
    task: TaskDefinition, store: Store, *, network: str | None = None, delivery: Delivery = "environment"
) -> dict[str, Spec]:
    """Read every parameter that the task names, and return each container's spec by its name in the definition.

    With ``delivery="environment"``, as on Amazon ECS, every value becomes an environment variable. With ``"files"`` a
    SecureString becomes a file in ``/run/secrets`` and ``NAME_FILE`` its path; a plain String stays a variable.
    Raises WorkshopError in one sentence if anything cannot be read; it names parameters, never values.
    """
    named = [reference.parameter for container in task.containers for reference in container.secrets]
    found = store.read(named)
    return {one.name: _spec(task.family, one, found, network, delivery) for one in task.containers}


def _spec(
    family: str, one: ContainerDefinition, found: Mapping[str, Parameter], network: str | None, delivery: Delivery
) -> Spec:
    """Return the spec of a hardened container with the definition's limits, and the values that it names."""
    environment, files = one.environment, {}
    for reference in one.secrets:
        parameter = found[reference.parameter]
        if delivery == "files" and parameter.secret:
            path = f"{SECRETS_FOLDER}/{reference.name.lower()}"
            environment[f"{reference.name}_FILE"] = path
            files[path] = parameter.value
        else:
            environment[reference.name] = parameter.value
    limits: dict[str, Any] = {}
    if one.memory_mib is not None:
        limits["memory_bytes"] = one.memory_mib * MIB
    if one.cpu_units is not None:
        limits["cpus"] = one.cpu_units / 1024
    return Spec(
        image=one.image,
        command=tuple(one.command) if one.command else None,
        entrypoint=tuple(one.entry_point) if one.entry_point else None,
        environment=environment,
        network=network,
        ports=one.ports,
        volumes=(SECRETS_FOLDER,) if files else (),
        files=files,
        user=one.user,
        stop_timeout_seconds=one.stop_timeout_seconds,
        labels={ENVIRONMENT: family.removeprefix("workshop-"), SERVICE: one.name},
        **limits,
    )
