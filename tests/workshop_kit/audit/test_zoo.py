"""Every fault is found, by the rule that is meant to, and by no other; the good ones are found good."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.audit import animals
from tests.workshop_kit.audit.counting import Looked, look, look_at_all, summary, wrong
from workshop_kit.audit import catalog
from workshop_kit.engine import containers
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

Make = Callable[..., Any]
Tell = Callable[[str], None]
INSPECTED = [rule.id for rule in catalog.rules() if rule.looks_at == "inspect"]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Say something that is shown although the test passes."""

    def say(sentence: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{sentence}\n")

    return say


@pytest.fixture
def create(session: Session, python_image: str) -> Iterator[Make]:
    """Create containers of the good image, never started; removed at the end."""
    made: list[Any] = []

    def make(**settings: Any) -> Any:
        with session.making("container", "kernel") as making:
            container = session.engine.client.containers.create(python_image, labels=making.labels, **settings)
            making.id, making.name = container.id, container.name
        made.append(container)
        return container

    yield make
    for container in made:
        containers.remove(session, container)


def images_of(
    session: Session,
    good: str,
    folder: Path,
    zoo: tuple[animals.Animal, ...],
    only: Callable[[animals.Animal], list[str]],
) -> list[Looked]:
    """Build each animal and look at it."""

    def one(animal: animals.Animal) -> Looked:
        tag = animals.build_animal(session, folder / animal.name, animal, good)
        return look(session, animal.name, tag, [animal.rule], only(animal))

    return look_at_all([partial(one, animal) for animal in zoo])


def test_faults_that_show_in_the_image_are_found(
    session: Session, python_image: str, tmp_path: Path, tell: Tell
) -> None:
    """By looking alone: each by the rule meant, and by no other static rule."""
    looked = images_of(session, python_image, tmp_path, animals.STATIC, lambda _: ["static"])
    tell(summary(looked))
    assert wrong(looked) == {}


def test_faults_that_show_when_it_runs_are_found(
    session: Session, python_image: str, tmp_path: Path, tell: Tell
) -> None:
    """By running clones: each by the rule meant, and by no other of its guideline (of all: the soak test)."""
    quick = tuple(animal for animal in animals.DYNAMIC if not animal.slow)
    looked = images_of(
        session, python_image, tmp_path, quick, lambda animal: [catalog.find(animal.rule).guideline, "dynamic"]
    )
    tell(summary(looked))
    assert wrong(looked) == {}


def test_faults_of_containers_are_found(session: Session, create: Make, tell: Tell) -> None:
    """Settings of a container that was never started: each by the rule meant, and by no other that inspects."""
    jobs = []
    for name, (rule, changes) in animals.CONTAINERS.items():
        settings = {key: value for key, value in {**animals.CONFINED, **changes}.items() if value is not None}
        word = f"container:{create(**settings).name}"
        jobs.append(partial(look, session, name, word, [rule], INSPECTED))
    jobs.append(partial(look, session, "confined", f"container:{create(**animals.CONFINED).name}", [], INSPECTED))
    looked = look_at_all(jobs)
    tell(summary(looked))
    assert wrong(looked) == {}


def test_a_refusal_that_names_nothing_is_found(
    session: Session, build: Callable[[animals.Animal], str], create: Make
) -> None:
    """A container that was given a setting, whose clone without it ends and does not say what it lacks."""
    tag = build(animals.NEEDS_A_SETTING)
    with session.making("container", "kernel") as making:
        container = session.engine.client.containers.create(
            tag, environment={"GREETING": "hello"}, labels=making.labels
        )
        making.id, making.name = container.id, container.name
    try:
        looked = look(session, "refusal", f"container:{container.name}", ["config.fails-fast"], ["config"])
    finally:
        containers.remove(session, container)
    assert wrong([looked]) == {}


@pytest.mark.parametrize("kind", ["python_image", "shell_image", "binary_image"])
def test_no_rule_finds_fault_with_a_good_image(session: Session, kind: str, request: pytest.FixtureRequest) -> None:
    """A Python service, a shell script without a port, a compiled program without a shell: every rule is applied."""
    looked = look(session, kind, request.getfixturevalue(kind), [])
    assert wrong([looked]) == {}


def test_the_zoo_is_large_enough() -> None:
    """At least 20 images with one fault each; a rule that can find fault is tested by one of them."""
    zoo = (*animals.STATIC, *animals.DYNAMIC, animals.NEEDS_A_SETTING)
    assert len(zoo) >= 20
    tested = {animal.rule for animal in zoo} | {rule for rule, _ in animals.CONTAINERS.values()}
    never_bad = {"build.self-contained"}  # not being ready on a network that leads nowhere has many reasons
    assert tested == {rule.id for rule in catalog.rules()} - never_bad
