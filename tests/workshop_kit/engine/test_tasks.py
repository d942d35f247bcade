"""Reading task definitions: a subset of Amazon ECS's JSON becomes frozen data, or sentences that say what is wrong."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.engine.tasks.definition import ContainerDefinition, InvalidTask, keys, parse

IMAGE = "sha256:" + "0a" * 32
WHOLE: dict[str, Any] = {
    "family": "workshop-staging",
    "containerDefinitions": [
        {
            "name": "service",
            "image": f"workshop/app@{IMAGE}",
            "environment": [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "EMPTY", "value": ""}],
            "secrets": [
                {"name": "REDIS_PASSWORD", "valueFrom": "/workshop/staging/redis/password"},
                {
                    "name": "REDIS_HOST",
                    "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/workshop/staging/redis/host",
                },
            ],
            "memory": 128,
            "cpu": 512,
            "portMappings": [{"containerPort": 8080}],
            "stopTimeout": 7,
            "command": ["serve", ""],
            "entryPoint": ["/bin/program"],
            "user": "10001:10001",
        }
    ],
}


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The whole definition with one thing changed, below its first container."""
    whole = copy.deepcopy(WHOLE)
    place = whole["containerDefinitions"][0]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return whole


def problems(document: Any) -> list[str]:
    """What is wrong with a document, a sentence each."""
    with pytest.raises(InvalidTask) as caught:
        parse(document)
    assert caught.value.problems
    return [str(problem) for problem in caught.value.problems]


def test_every_key_of_the_subset_arrives() -> None:
    """Each key fills its field, in the field's unit; an ARN becomes the parameter's name."""
    task = parse(json.dumps(WHOLE))
    (container,) = task.containers
    assert WHOLE["containerDefinitions"][0].keys() == set(keys(ContainerDefinition))
    assert task.family == "workshop-staging"
    assert container.environment == {"LOG_LEVEL": "debug", "EMPTY": ""}
    assert container.ports == (8080,)
    assert container.model_dump(exclude={"variables", "port_mappings"}) == {
        "name": "service",
        "image": f"workshop/app@{IMAGE}",
        "secrets": (
            {"name": "REDIS_PASSWORD", "parameter": "/workshop/staging/redis/password"},
            {"name": "REDIS_HOST", "parameter": "/workshop/staging/redis/host"},
        ),
        "memory_mib": 128,
        "cpu_units": 512,
        "stop_timeout_seconds": 7,
        "command": ("serve", ""),
        "entry_point": ("/bin/program",),
        "user": "10001:10001",
    }


def test_every_key_of_the_subset_is_documented(root: Path) -> None:
    """docs/parameter-store.md has a row for each key, and its table names none that is not read."""
    table = (root / "docs" / "parameter-store.md").read_text().partition("| Key |")[2].partition("\n\n")[0]
    named = {
        key for row in table.split("\n") for key in re.findall(r"`(\w+)`", row.partition("|")[2].partition("|")[0])
    }
    assert named == {"family", "containerDefinitions", *keys(ContainerDefinition)}


FIRST = "containerDefinitions[0]"
CONTAINER = WHOLE["containerDefinitions"][0]


WRONG: list[tuple[tuple[Any, ...], Any, str]] = [
    (("image",), "app:latest", "image has to name a digest (NAME@sha256:… or sha256:…), since a"),
    (("memory",), "128", "memory has to be a whole number, and is text."),
    (("memory",), True, "memory has to be a whole number, and is true or false."),
    (("memory",), 1, "memory has to be from 6 to 1048576 MiB."),
    (("environment", 0, "value"), 8080, "environment[0].value has to be text, and is a number."),
    (("environment", 0, "value"), "\ud800", "environment[0].value contains half a character (a lone surrogate)."),
    (("memory",), 1.5, "memory has to be a whole number, and is a fraction."),
    (("secrets",), None, "secrets has to be a list, and is null."),
    (("environment", 0, "value"), "a\0b", "environment[0].value contains a NUL character"),
    (("environment", 0, "name"), "A=B", "environment[0].name is no name for a variable"),
    (("environment",), {"A": "b"}, "environment has to be a list, and is an object."),
    (("environment", 1, "name"), "LOG_LEVEL", "environment has LOG_LEVEL twice."),
    (("secrets", 0), {"name": "A", "value": "x"}, "secrets[0] has the unknown key 'value': did you mean valueFrom."),
    (("secrets", 0, "valueFrom"), "password", "secrets[0].valueFrom has to be a param"),
    (
        ("secrets", 0, "valueFrom"),
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:a",
        "secrets[0].valueFrom is in Secrets Manager",
    ),
    (("portMappings", 0, "hostPort"), 80, "portMappings[0] has the key 'hostPort', which"),
    (("command",), [], "command is empty: leave it out to use the image's own."),
    (("stopTimeout",), 600, "stopTimeout has to be from 0 to 120 seconds."),
]


@pytest.mark.parametrize(("path", "value", "says"), WRONG)
def test_each_mistake_is_one_sentence_with_its_place(path: tuple[Any, ...], value: Any, says: str) -> None:
    """The sentence names the place in JSON's own words, and what would be right."""
    assert problems(changed(*path, to=value))[0].startswith(f"containerDefinitions[0].{says}")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (changed("logConfiguration", to={}), f"{FIRST} has the key 'logConfiguration', which Amazon ECS knows and"),
        (changed("portMapping", to=[]), f"{FIRST} has the unknown key 'portMapping': did you mean portMappings."),
        ({**WHOLE, "containerDefinitions": []}, "containerDefinitions has to hold 1 to 10 containers."),
        (
            {**WHOLE, "containerDefinitions": WHOLE["containerDefinitions"] * 2},
            "containerDefinitions has service twice",
        ),
        ({**WHOLE, "networkMode": "awsvpc"}, "The document has the key 'networkMode', which Amazon ECS"),
        ({}, "The document has no family."),
        ("{'family': 1}", "The document is no JSON: Expecting property name enclosed in double quotes in line 1"),
        ("[]", "The document has to be an object, and is a list"),
    ],
)
def test_a_document_that_cannot_be_run_says_why(document: Any, says: str) -> None:
    """A key that ECS has and the runner has not is said to be that."""
    assert problems(document)[0].startswith(says)


def test_all_mistakes_are_told_at_once() -> None:
    """Ten mistakes are found in one run."""
    wrong = changed("memory", to="much")
    wrong["containerDefinitions"][0] |= {"cpu": -1, "image": "app"}
    wrong["containerDefinitions"].append({"name": "service"})
    assert sorted(problem.partition(" ")[0] for problem in problems(wrong)) == [
        "containerDefinitions[0].cpu",
        "containerDefinitions[0].image",
        "containerDefinitions[0].memory",
        "containerDefinitions[1]",
    ]


def test_no_value_is_repeated_in_a_problem() -> None:
    """A secret in the wrong place, as a value of any key, is in no sentence."""
    for key in keys(ContainerDefinition):
        for value in ("canary\0value", ["canary\0value"], [{"name": "canary\0value", "valueFrom": "canary value"}]):
            assert "canary" not in " ".join(problems(changed(key, to=value)))
