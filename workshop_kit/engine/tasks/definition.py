"""Task definitions in a subset of Amazon ECS's JSON: read and checked, or every mistake with its path.

docs/parameter-store.md lists the subset.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from botocore.loaders import Loader
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from workshop_kit.errors import WrongUsage

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DIGEST = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")
PARAMETER = re.compile(r"(?:arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter)?(/[\w.-]+(?:/[\w.-]+)*)", re.ASCII)
MOST_MIB, MOST_CPU_UNITS = 1024 * 1024, 256 * 1024
MOST_CONTAINERS = 10
SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Problem:
    """One mistake and its place: ``containerDefinitions[0].memory``. It never holds a value."""

    path: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.path} {self.wrong}."


class InvalidTask(WrongUsage):
    """A task definition cannot be used; ``problems`` has all its mistakes, not just the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = "" if len(problems) == 1 else f"{len(problems)} things are wrong. "
        super().__init__(f"The task definition cannot be used. {count}{' '.join(map(str, problems))}".strip())
        self.next_step = "Correct it, then run it again."
        self.problems = problems


def _mistake(sentence: str) -> PydanticCustomError:
    """A mistake, said in a sentence that goes on after the path."""
    return PydanticCustomError("mistake", "{sentence}", {"sentence": sentence})


def _text(value: str) -> str:
    if "\0" in value:
        raise _mistake("contains a NUL character, which no program can be given")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _mistake("contains half a character (a lone surrogate)")
    return value


def _word(value: str) -> str:
    if not value:
        raise _mistake("is empty")
    return _text(value)


def _like(pattern: re.Pattern[str], sentence: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(_word(value)):
            raise _mistake(sentence)
        return value

    return AfterValidator(check)


def _between(low: int, high: int, unit: str = "") -> AfterValidator:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise _mistake(f"has to be from {low} to {high} {unit}".rstrip())
        return value

    return AfterValidator(check)


def _without_twins(name: Callable[[Any], object]) -> AfterValidator:
    def check(values: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [str(name(value)) for value in values]
        if twins := sorted({one for one in names if names.count(one) > 1}):
            raise _mistake(f"has {twins[0]} twice")
        return values

    return AfterValidator(check)


def _one_to_ten(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not 1 <= len(values) <= MOST_CONTAINERS:
        raise _mistake(f"has to hold 1 to {MOST_CONTAINERS} containers")
    return values


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        raise _mistake("is empty: leave it out to use the image's own")
    return words


def _parameter(text: str) -> str:
    if _word(text).startswith("arn:aws:secretsmanager:"):
        raise _mistake("is in Secrets Manager, which Amazon ECS reads and the workshop's runner does not")
    if (found := PARAMETER.fullmatch(text)) is None:
        raise _mistake("has to be a parameter's name, such as /workshop/staging/redis/password, or its ARN")
    return found[1]


Text = Annotated[str, AfterValidator(_text)]
Words = Annotated[tuple[Text, ...], Strict(False)]
Name = Annotated[str, _like(NAME, "has to be 1 to 255 letters, digits, hyphens and underscores")]
VariableName = Annotated[
    str, _like(VARIABLE, "is no name for a variable: letters, digits and underscores, not beginning with a digit")
]
Image = Annotated[
    str, _like(DIGEST, "has to name a digest (NAME@sha256:… or sha256:…), since a tag can move to another image")
]


class _Part(BaseModel):
    """A JSON object of a task definition; ``shape`` is its name in botocore's model of Amazon ECS."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    shape: ClassVar[str]


class Variable(_Part):
    """A variable and its value."""

    shape = "KeyValuePair"
    name: VariableName
    value: Text


class SecretReference(_Part):
    """A variable whose value is in the store: ``name`` is the variable, ``parameter`` the name in the store."""

    shape = "Secret"
    name: VariableName
    parameter: Annotated[str, AfterValidator(_parameter)] = Field(alias="valueFrom")


class PortMapping(_Part):
    """A port of the container, which gets a free port on 127.0.0.1."""

    shape = "PortMapping"
    container_port: Annotated[int, _between(1, 65535)] = Field(alias="containerPort")


class ContainerDefinition(_Part):
    """One container of a task. ``image`` is a digest or an image's id: a tag could be another image tomorrow.

    ``cpu_units``: 1024 are one core. None in a limit means the workshop's own default, 256 MiB and one core.
    """

    shape = "ContainerDefinition"
    name: Name
    image: Image
    variables: Annotated[tuple[Variable, ...], Strict(False), _without_twins(lambda one: one.name)] = Field(
        (), alias="environment"
    )
    secrets: Annotated[tuple[SecretReference, ...], Strict(False), _without_twins(lambda one: one.name)] = ()
    memory_mib: Annotated[int, _between(6, MOST_MIB, "MiB")] | None = Field(None, alias="memory")
    cpu_units: Annotated[int, _between(16, MOST_CPU_UNITS, "CPU units (1024 are one core)")] | None = Field(
        None, alias="cpu"
    )
    port_mappings: Annotated[tuple[PortMapping, ...], Strict(False), _without_twins(lambda one: one.container_port)] = (
        Field((), alias="portMappings")
    )
    stop_timeout_seconds: Annotated[int, _between(0, 120, "seconds")] = Field(30, alias="stopTimeout")
    command: Annotated[Words, AfterValidator(_command)] | None = None
    entry_point: Annotated[Words, AfterValidator(_command)] | None = Field(None, alias="entryPoint")
    user: Annotated[str, AfterValidator(_word)] | None = None

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
        if twins := [one.name for one in self.secrets if one.name in self.environment]:
            raise _mistake(f"sets {twins[0]} twice, in environment and in secrets")
        return self


class TaskDefinition(_Part):
    """Containers that are started together, under a name."""

    shape = "RegisterTaskDefinitionRequest"
    family: Name
    containers: Annotated[
        tuple[ContainerDefinition, ...],
        Strict(False),
        AfterValidator(_one_to_ten),
        _without_twins(lambda one: one.name),
    ] = Field(alias="containerDefinitions")


_PARTS: dict[str, type[_Part]] = {
    "": TaskDefinition,
    "containerDefinitions": ContainerDefinition,
    "environment": Variable,
    "secrets": SecretReference,
    "portMappings": PortMapping,
}
"""The kind of object below each key of JSON."""
_WANTED = {
    "int": "a whole number",
    "string": "text",
    "tuple": "a list",
    "model": "an object",
}
"""The kinds of values, by the beginning of pydantic's names for their errors."""
_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a fraction",
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def parse(document: str | bytes | Mapping[str, Any]) -> TaskDefinition:
    """Return a task definition from JSON text or from what JSON text becomes. Raises InvalidTask with all problems."""
    try:
        return TaskDefinition.model_validate(_loaded(document))
    except ValidationError as error:
        errors = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
        raise InvalidTask(tuple(map(_problem, errors))) from None  # pydantic's error holds values


def keys(part: type[_Part]) -> list[str]:
    """The keys of JSON that a part has."""
    return [field.alias or name for name, field in part.model_fields.items()]


def _loaded(document: str | bytes | Mapping[str, Any]) -> Any:
    if not isinstance(document, str | bytes):
        return dict(document) if isinstance(document, Mapping) else document
    try:
        return json.loads(document)
    except json.JSONDecodeError as error:
        wrong = f"is no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    except RecursionError:
        wrong = "is nested too deeply"
    except ValueError:  # bytes in no encoding that JSON has; a number of 5,000 digits
        wrong = "is no JSON that can be read"
    raise InvalidTask((Problem("The document", wrong),))


def _problem(error: ErrorDetails) -> Problem:
    """One of pydantic's errors as a sentence without the value."""
    place, kind = error["loc"], error["type"]
    if kind in {"missing", "extra_forbidden", "invalid_key"}:
        key = str(place[-1])
        place = place[:-1]
        part = _PARTS[next((one for one in reversed(place) if isinstance(one, str)), "")]
        wrong = f"has no {key}" if kind == "missing" else f"has {_unknown(key, part)}"
    elif kind == "mistake":
        wrong = error["msg"]
    else:
        wanted = _WANTED.get(kind.partition("_")[0], "something else")
        wrong = f"has to be {wanted}, and is {_KINDS.get(type(error['input']), 'something else')}"
    return Problem(_path(place) or "The document", wrong)


def _path(place: Iterable[int | str]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")


def _unknown(key: str, part: type[_Part]) -> str:
    if key in _ecs_keys(part.shape):
        return f"the key {key!r}, which Amazon ECS knows and the workshop's runner does not"
    shown = repr(key if len(key) <= SHOWN_CHARACTERS else key[:SHOWN_CHARACTERS] + "…")
    near = difflib.get_close_matches(key[:100], keys(part), n=1)
    return f"the unknown key {shown}: did you mean {near[0]}" if near else f"the unknown key {shown}"


@functools.cache
def _ecs_keys(shape: str) -> frozenset[str]:
    """The keys that Amazon ECS knows in an object, from botocore's description of the service."""
    model: Mapping[str, Any] = Loader().load_service_model("ecs", "service-2")
    return frozenset(model["shapes"][shape]["members"])
