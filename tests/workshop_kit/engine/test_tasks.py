"""Reading task definitions: a subset of Amazon ECS's JSON becomes frozen data, or sentences that say what is wrong."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.engine.tasks.definition import HealthCheck, InvalidTask, SecretReference
from workshop_kit.engine.tasks.environments import document, environments, variable
from workshop_kit.engine.tasks.parse import READERS, parse

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
            "healthCheck": {
                "command": ["CMD", "true"],
                "interval": 5,
                "timeout": 2,
                "retries": 2,
                "startPeriod": 10,
            },
            "portMappings": [{"containerPort": 8080}],
            "stopTimeout": 7,
            "readonlyRootFilesystem": False,
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
    assert WHOLE["containerDefinitions"][0].keys() == READERS.keys()
    assert task.family == "workshop-staging"
    assert dataclasses.asdict(container) == {
        "name": "service",
        "image": f"workshop/app@{IMAGE}",
        "environment": (("LOG_LEVEL", "debug"), ("EMPTY", "")),
        "secrets": (
            {"name": "REDIS_PASSWORD", "parameter": "/workshop/staging/redis/password"},
            {"name": "REDIS_HOST", "parameter": "/workshop/staging/redis/host"},
        ),
        "memory_mib": 128,
        "cpu_units": 512,
        "health_check": dataclasses.asdict(HealthCheck(("CMD", "true"), 5, 2, 2, 10)),
        "ports": (8080,),
        "stop_timeout_seconds": 7,
        "read_only": False,
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
    assert named == {"family", "containerDefinitions", *READERS}


def test_a_definition_cannot_be_changed() -> None:
    """What was read stays as it was read, and can be a key."""
    task = parse(WHOLE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.family = "other"  # type: ignore[misc]
    assert {task: 1}[parse(WHOLE)] == 1


C = "containerDefinitions[0]"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a tag": (
        changed("image", to="app:latest"),
        f"{C}.image has to name a digest (NAME@sha256:… or sha256:…), since a",
    ),
    "half a digest": (changed("image", to="sha256:0a0a"), f"{C}.image has to name a digest"),
    "memory as text": (changed("memory", to="128"), f"{C}.memory has to be a whole number of MiB, and is text."),
    "memory as true": (
        changed("memory", to=True),
        f"{C}.memory has to be a whole number of MiB, and is true or false.",
    ),
    "memory as fraction": (changed("memory", to=1.5), f"{C}.memory has to be a whole number of MiB, and is a number."),
    "too little memory": (changed("memory", to=1), f"{C}.memory has to be from 6 to 1048576 MiB."),
    "no CPU": (changed("cpu", to=0), f"{C}.cpu has to be from 16 to 262144 CPU units (1024 are one core)."),
    "a number as value": (
        changed("environment", 0, "value", to=8080),
        f"{C}.environment[0].value has to be text, and is a number.",
    ),
    "null as value": (
        changed("environment", 0, "value", to=None),
        f"{C}.environment[0].value has to be text, and is null",
    ),
    "NUL": (changed("environment", 0, "value", to="a\0b"), f"{C}.environment[0].value contains a NUL character"),
    "surrogate": (
        changed("environment", 0, "value", to="\ud800"),
        f"{C}.environment[0].value contains half a character",
    ),
    "a bad name": (changed("environment", 0, "name", to="A=B"), f"{C}.environment[0].name is no name for a variable"),
    "environment as object": (
        changed("environment", to={"A": "b"}),
        f"{C}.environment has to be a list, and is an object.",
    ),
    "twice": (changed("environment", 1, "name", to="LOG_LEVEL"), f"{C}.environment has LOG_LEVEL twice."),
    "set twice": (
        changed("environment", 1, "name", to="REDIS_HOST"),
        f"{C} sets REDIS_HOST twice, in environment and in secrets.",
    ),
    "a secret's value": (
        changed("secrets", 0, to={"name": "A", "value": "x"}),
        f"{C}.secrets[0] has the unknown key 'value': did you mean valueFrom.",
    ),
    "no parameter": (changed("secrets", 0, "valueFrom", to="password"), f"{C}.secrets[0].valueFrom has to be a param"),
    "Secrets Manager": (
        changed("secrets", 0, "valueFrom", to="arn:aws:secretsmanager:us-east-1:123456789012:secret:a"),
        f"{C}.secrets[0].valueFrom is in Secrets Manager",
    ),
    "a key of ECS": (
        changed("logConfiguration", to={}),
        f"{C} has the key 'logConfiguration', which Amazon ECS knows and the workshop's runner does not.",
    ),
    "a typo": (changed("portMapping", to=[]), f"{C} has the unknown key 'portMapping': did you mean portMappings."),
    "a host port": (
        changed("portMappings", 0, "hostPort", to=80),
        f"{C}.portMappings[0] has the key 'hostPort', which",
    ),
    "port 0": (
        changed("portMappings", 0, "containerPort", to=0),
        f"{C}.portMappings[0].containerPort has to be from 1",
    ),
    "a shell line as probe": (
        changed("healthCheck", "command", to=["curl x"]),
        f"{C}.healthCheck.command has to begin",
    ),
    "a hasty probe": (
        changed("healthCheck", "interval", to=1),
        f"{C}.healthCheck.interval has to be from 5 to 300 sec",
    ),
    "no command": (changed("command", to=[]), f"{C}.command is empty: leave it out to use the image's own."),
    "a line as command": (changed("command", to="serve"), f"{C}.command has to be a list, and is text."),
    "patience": (changed("stopTimeout", to=600), f"{C}.stopTimeout has to be from 0 to 120 seconds."),
    "a bad container name": (changed("name", to="a b"), f"{C}.name has to be 1 to 255 letters, digits"),
    "no family": ({**WHOLE, "family": ""}, "family is empty."),
    "no containers": ({**WHOLE, "containerDefinitions": []}, "containerDefinitions has to hold 1 to 10 containers."),
    "a container of nothing": ({**WHOLE, "containerDefinitions": [None]}, f"{C} has to be an object, and is null."),
    "nothing": ({}, "The document has no family."),
    "a key of ECS tasks": (
        {**WHOLE, "networkMode": "awsvpc"},
        "The document has the key 'networkMode', which Amazon ECS",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_mistake_is_one_sentence_with_its_place(case: str) -> None:
    """Where it is, in JSON's own words, and what would be right."""
    wrong, begins = WRONG[case]
    assert problems(wrong)[0].startswith(begins)


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody should have to run it ten times to find ten mistakes."""
    wrong = changed("memory", to="much")
    wrong["containerDefinitions"][0] |= {"cpu": -1, "image": "app"}
    wrong["containerDefinitions"].append({"name": "service"})
    assert sorted(problem.partition(" ")[0] for problem in problems(wrong)) == [
        "containerDefinitions[0].cpu",
        "containerDefinitions[0].image",
        "containerDefinitions[0].memory",
        "containerDefinitions[1]",
    ]


def test_two_containers_of_one_name_are_told() -> None:
    """Names tell containers apart."""
    twice = {**WHOLE, "containerDefinitions": WHOLE["containerDefinitions"] * 2}
    assert problems(twice) == ["containerDefinitions has service twice."]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no JSON: Expecting value in line 1, column 1"),
        ("{'family': 1}", "is no JSON: Expecting property name enclosed in double quotes in line 1"),
        (b"\xff\xfe\xff", "is no JSON that can be read"),
        ("[" * 100_000, "is nested too deeply"),
        ("1" * 5000, "is no JSON that can be read"),
        ("[]", "has to be an object, and is a list"),
        ("NaN", "has to be an object, and is a number"),
    ],
)
def test_what_is_no_definition_at_all_is_one_sentence(text: str | bytes, says: str) -> None:
    """Not JSON, not an object: said so, with the place where there is one."""
    (problem,) = problems(text)
    assert problem.startswith(f"The document {says}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*READERS, "value", "valueFrom", "é\n"]), inner)
    ),
    max_leaves=12,
)


def complaint(document: Any) -> str:
    """What is said of a document; empty if it is one. Any other exception is a traceback, and fails the test."""
    try:
        parse(document)
    except InvalidTask as error:
        return str(error)
    return ""


@given(st.sampled_from([*READERS]), JSON)
def test_no_value_of_any_key_is_a_traceback(key: str, value: Any) -> None:
    """Whatever stands where: a definition, or sentences on one line that can be printed."""
    said = complaint(changed(key, to=value))
    assert said.encode().count(b"\n") == 0


@given(JSON)
def test_no_document_is_a_traceback(value: Any) -> None:
    """Any JSON at all in place of the document, of its containers and its family: each is told what is wrong."""
    assert complaint(value)
    assert complaint({**WHOLE, "containerDefinitions": value})
    complaint({**WHOLE, "family": value})


def test_no_value_is_repeated_in_a_problem() -> None:
    """A secret in the wrong place, as a value of any key, is in no sentence."""
    for key in READERS:
        for value in ("canary\0value", ["canary\0value"], [{"name": "canary\0value", "valueFrom": "canary value"}]):
            assert "canary" not in " ".join(problems(changed(key, to=value)))


def test_three_environments_differ_in_their_paths_and_nothing_else() -> None:
    """One image; each environment's definition names its own parameters and holds no value of any."""
    settings = {
        name: {"redis/host": f"value-of-{name}", "http/port": "8080"} for name in ("production", "staging", "qa")
    }
    tasks = environments(IMAGE, settings)
    assert {task.containers[0].image for task in tasks.values()} == {IMAGE}
    assert tasks["qa"].containers[0].secrets == (
        SecretReference("HTTP_PORT", "/workshop/qa/http/port"),
        SecretReference("REDIS_HOST", "/workshop/qa/redis/host"),
    )
    texts = {json.dumps(document(name, IMAGE, own)).replace(name, "ENVIRONMENT") for name, own in settings.items()}
    assert len(texts) == 1
    assert "value-of" not in repr(tasks)
    assert variable("master_db/sql_mode") == "MASTER_DB_SQL_MODE"
