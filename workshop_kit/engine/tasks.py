"""A small orchestrator: a container definition in a subset of Amazon ECS's JSON, checked, and run on this machine.

docs/parameter-store.md lists the subset.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from botocore.loaders import Loader
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from workshop_kit.engine import containers
from workshop_kit.engine.containers import SECRETS_FOLDER, Running, Spec
from workshop_kit.engine.labels import ENVIRONMENT, SERVICE
from workshop_kit.engine.parameter_store import Store
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage, did_you_mean

Delivery = Literal["environment", "files"]
PARAMETER = re.compile(r"(?:arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter)?(/[\w.-]+(?:/[\w.-]+)*)", re.ASCII)
SHOWN_CHARACTERS = 40
LABELS = {ENVIRONMENT: "exercise", SERVICE: "service"}


def _mistake_error(sentence: str) -> PydanticCustomError:
    """Return an error for a validator to raise, with our sentence as its message."""
    return PydanticCustomError("mistake", "{sentence}", {"sentence": sentence})


def _parameter_name(text: str) -> str:
    """Return the name of a parameter, which may be given as its ARN. Raises an error for pydantic."""
    match = PARAMETER.fullmatch(text)
    if match is None:
        raise _mistake_error("has to be a parameter's name, such as /workshop/staging/redis/password, or its ARN")
    return match[1]


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


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
    parameter: Annotated[str, AfterValidator(_parameter_name)] = Field(alias="valueFrom")


class ContainerDefinition(_Part):
    """The image of a container, and its variables: those with a value, and those whose value is in the store."""

    shape = "ContainerDefinition"
    image: str
    environment: list[Variable] = []
    secrets: list[SecretReference] = []

    @model_validator(mode="after")
    def _sets_no_variable_twice(self) -> ContainerDefinition:
        names = [variable.name for variable in self.environment]
        names += [reference.name for reference in self.secrets]
        if duplicates := [name for name in names if names.count(name) > 1]:
            raise _mistake_error(f"sets {duplicates[0]} twice")
        return self


_PARTS: dict[str, type[_Part]] = {"": ContainerDefinition, "environment": Variable, "secrets": SecretReference}
"""The kind of JSON object in the list below each key; below "" the whole definition."""


def parse(document: Mapping[str, Any]) -> ContainerDefinition:
    """Return a container definition from a JSON document.

    Raises WrongUsage with a sentence for each mistake. It begins with the place, such as ``secrets[0].valueFrom``, and
    has no values.
    """
    try:
        return ContainerDefinition.model_validate(document)
    except ValidationError as error:
        # An unknown key first: it often explains why another one is absent.
        errors = sorted(error.errors(include_url=False), key=_is_of_known_key)
        sentences = " ".join(map(_describe_error, errors))
        sentence = f"The task definition cannot be used. {sentences}"
        raise WrongUsage(sentence, "Correct it, then run it again.") from None  # pydantic's error holds values


def _is_of_known_key(error: ErrorDetails) -> bool:
    return error["type"] != "extra_forbidden"


def _describe_error(error: ErrorDetails) -> str:
    """Return one of pydantic's errors as a sentence without the value."""
    place = error["loc"]
    if _is_of_known_key(error):
        return f"{_path_of(place)}: {error['msg']}."

    # The place of an unknown key ends with the key itself.
    key = str(place[-1])
    object_place = place[:-1]
    top_key = str(object_place[0]) if object_place else ""
    problem = _describe_unknown_key(key, _PARTS[top_key])
    return f"{_path_of(object_place)}: {problem}"


def _path_of(place: tuple[int | str, ...]) -> str:
    """Return a place in JSON as ``secrets[0].valueFrom``; for the whole document "The definition".

    >>> _path_of(("secrets", 0, "valueFrom"))
    'secrets[0].valueFrom'
    """
    if not place:
        return "The definition"
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in place]
    return "".join(steps).lstrip(".")


def _describe_unknown_key(key: str, part: type[_Part]) -> str:
    """Return what is wrong with a key that ``part`` does not have, with the key that may be meant."""
    if key in _ecs_keys(part.shape):
        return f"has the key {key!r}, which Amazon ECS knows and the workshop's runner does not."

    known_keys = [field.alias or name for name, field in part.model_fields.items()]
    return f"has the unknown key {key[:SHOWN_CHARACTERS]!r}. {did_you_mean(key, known_keys)}".rstrip()


@functools.cache
def _ecs_keys(shape: str) -> frozenset[str]:
    """Return the keys that Amazon ECS allows in an object of this shape, from botocore's description of the service."""
    model: Mapping[str, Any] = Loader().load_service_model("ecs", "service-2")
    return frozenset(model["shapes"][shape]["members"])


def run(
    session: Session,
    definition: ContainerDefinition,
    store: Store,
    *,
    network: str,
    port: int,
    delivery: Delivery = "environment",
) -> Running:
    """Start a hardened container with the secrets read from the store; ``port`` gets a free port on 127.0.0.1.

    With ``delivery="environment"``, as on Amazon ECS, every value becomes an environment variable. With ``"files"`` a
    SecureString becomes a file in ``/run/secrets`` and ``NAME_FILE`` its path; a plain String stays a variable.
    Raises WorkshopError if a parameter is missing or may not be read, if the store does not answer, and if there is no
    such image. Errors name parameters, never values.
    """
    environment = {variable.name: variable.value for variable in definition.environment}
    files = {}

    for reference in definition.secrets:
        parameter = store.read(reference.parameter)
        if delivery == "files" and parameter.secret:
            path = f"{SECRETS_FOLDER}/{reference.name.lower()}"
            environment[f"{reference.name}_FILE"] = path
            files[path] = parameter.value
        else:
            environment[reference.name] = parameter.value

    spec = Spec(
        definition.image,
        environment=environment,
        network=network,
        ports=(port,),
        volumes=(SECRETS_FOLDER,) if files else (),
        files=files,
        labels=LABELS,
    )
    return containers.run(session, spec)
