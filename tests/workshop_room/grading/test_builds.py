"""Builds of others: what ends them, the group of the kernel that limits them, and what is not built twice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workshop_kit.engine import images, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.host import MIB
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import CheckEnded, Context
from workshop_kit.trials.control import Waits
from workshop_kit.trials.dockerfile_sources import find_outside, outside_source
from workshop_kit.trials.image_builds import ImageBuilds, folder_digest
from workshop_kit.trials.result import Result
from workshop_kit.workspace import regions, registry, solutions
from workshop_room.grading import build_guard, cgroup_inside
from workshop_room.grading.build_guard import BuildGuard


class FakeMachine:
    """A machine whose numbers a test sets."""

    def __init__(self) -> None:
        self.tasks = 300
        self.free_memory = 0.5
        self.free_disk = 100 * 2**30

    def guard(self, monkeypatch: pytest.MonkeyPatch) -> BuildGuard:
        """A guard that sees this machine, and looks at everything each time."""
        monkeypatch.setattr(build_guard, "SLOW_LOOK_SECONDS", -1.0)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=self.free_disk))
        return BuildGuard(Path("/"), lambda: self.tasks, lambda: self.free_memory)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("tasks", 1_500, "it started more than 1,000 processes"),
        ("free_memory", 0.01, "the memory of this machine was nearly used up"),
        ("free_disk", 97 * 2**30, "it wrote more than 2 GiB"),
    ],
)
def test_a_build_that_takes_too_much_is_ended(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float, reason: str
) -> None:
    """What the machine had before the build does not count."""
    machine = FakeMachine()
    guard = machine.guard(monkeypatch)
    assert guard() == ""
    setattr(machine, name, value)
    assert guard() == reason


def test_a_build_is_not_blamed_for_a_machine_that_is_full_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs have the tasks, the disk and the memory: it may go on."""
    machine = FakeMachine()
    machine.tasks = 30_000
    machine.free_memory = 0.04
    machine.free_disk = 2**20
    guard = machine.guard(monkeypatch)
    assert guard() == ""
    machine.free_memory = 0.03
    assert guard() == ""


def test_this_machine_can_be_looked_at() -> None:
    """Where the kernel tells its tasks, they are those of all programs; memory is a part of the whole."""
    tasks = build_guard.tasks_of_machine()
    if Path("/proc/loadavg").exists():
        assert tasks is not None
        assert tasks >= len(list(Path("/proc/self/task").iterdir()))
    assert 0 < build_guard.free_memory() <= 1


@pytest.mark.parametrize("is_v2", [True, False])
def test_the_group_has_limits_and_is_removed(tmp_path: Path, is_v2: bool) -> None:
    """cgroup v2 has one tree, v1 one for each controller; the files have the kernel's names."""
    if is_v2:
        (tmp_path / "cgroup.controllers").touch()
        group = {"memory.max": tmp_path / "grade", "pids.max": tmp_path / "grade"}
    else:
        group = {"memory.limit_in_bytes": tmp_path / "memory" / "grade", "pids.max": tmp_path / "pids" / "grade"}
        for folder in group.values():
            folder.parent.mkdir()
        (tmp_path / "cpu" / "grade" / "buildkit").mkdir(parents=True)  # a builder makes it in every tree
    cgroup_inside.limit(tmp_path, "grade", "1000", "20")
    values = {name: (folder / name).read_text() for name, folder in group.items()}
    assert sorted(values.values()) == ["1000", "20"]

    for folder in group.values():  # the kernel's files go with their folder
        for file in [path for path in folder.iterdir() if path.is_file()]:
            file.unlink()
        (folder / "buildkit" / "run").mkdir(parents=True, exist_ok=True)
    cgroup_inside.remove(tmp_path, "grade")
    assert not any(folder.exists() for folder in group.values())
    assert list(tmp_path.glob("cpu/*")) == []


def test_the_digest_of_a_folder_is_of_names_modes_contents_and_links(tmp_path: Path) -> None:
    """Whatever a build could see changes it; the time of a file does not."""
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "app.py"
    file.write_text("1")
    (tmp_path / "link").symlink_to("nowhere")
    first = folder_digest(tmp_path)
    os.utime(file, (0, 0))
    assert folder_digest(tmp_path) == first

    digests = {first}
    file.chmod(0o755)
    digests.add(folder_digest(tmp_path))
    file.write_text("2")
    digests.add(folder_digest(tmp_path))
    file.rename(tmp_path / "app.py")
    digests.add(folder_digest(tmp_path))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("elsewhere")
    digests.add(folder_digest(tmp_path))
    assert len(digests) == 5


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the builder by one that notes each image; and note each that is removed, with a minus before it."""
    log: list[str] = []

    def run_builder(command: list[str], context: Context) -> None:
        tag, *_, folder = command
        log.append(tag)
        if Path(folder, "fails").exists():
            context.waits.add("the builder was not done", 60.0)
            raise CheckEnded(Result.did_not_start("It does not build."))

    monkeypatch.setattr(service_image, "_run_builder", run_builder)
    monkeypatch.setattr(images, "build_command", lambda _engine, tag, _labels: [tag])
    monkeypatch.setattr(service_image, "remove_image", lambda _session, tag: log.append(f"-{tag}"))
    monkeypatch.setattr(recipes, "tags", lambda _root: {"python": "base:1"})
    return log


def context_of(folder: Path, builds: ImageBuilds, *, is_closed: bool = False) -> Context:
    """The context of a check of a folder."""
    session = SimpleNamespace(engine=None, labels=lambda _scope: {})
    stack: Any = SimpleNamespace(session=session, root=CHECKOUT, is_closed=is_closed)
    exercise = registry.load(CHECKOUT)[0]
    return Context(exercise, stack, 7, folder=folder, builds=builds, waits=Waits())


def test_a_folder_is_built_once(tmp_path: Path, built: list[str]) -> None:
    """Where images are kept, a second check of the same folder gets the same one; another folder or base does not."""
    builds = ImageBuilds(keeps_images=True)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "app.py").touch()
    tags = []
    for folder, base in (("one", None), ("one", None), ("two", None), ("one", "base:2")):
        with service_image.build(context_of(tmp_path / folder, builds), base=base) as tag:
            tags.append(tag)
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
    assert built == [tags[0], tags[2], tags[3]]
    builds.forget(lambda tag: built.append(f"-{tag}"))
    assert sorted(built[3:]) == sorted(f"-{tag}" for tag in set(tags))


def test_a_check_of_a_participant_keeps_no_image(tmp_path: Path, built: list[str]) -> None:
    """Each save is built, and its image is removed."""
    builds = ImageBuilds()
    for _ in range(2):
        with service_image.build(context_of(tmp_path, builds)) as tag:
            pass
        assert built[-2:] == [tag, f"-{tag}"]
    assert len(built) == 4


def test_a_build_that_failed_is_not_tried_again(tmp_path: Path, built: list[str]) -> None:
    """A Dockerfile that never ends costs its time once; each check hears of the wait, for its control."""
    (tmp_path / "fails").touch()
    builds = ImageBuilds(keeps_images=True)
    for _ in range(2):
        context = context_of(tmp_path, builds)
        with pytest.raises(CheckEnded, match="does not build"), service_image.build(context):
            pass
        assert [wait.what for wait in context.waits.ended] == ["the builder was not done"]
    assert len([tag for tag in built if not tag.startswith("-")]) == 1


LOCAL = "localhost/workshop/"
FROM = f"FROM {LOCAL}python:3.13"
OUTSIDE = {
    "FROM python:3.13": "python:3.13",
    "FROM --platform=linux/amd64 docker.io/library/python AS one": "docker.io/library/python",
    "ARG BASE=python:3.13\nFROM ${BASE}": "python:3.13",
    "FROM $UNKNOWN": "$UNKNOWN",
    "FROM \\\n# a comment\n  python:3.13": "python:3.13",
    f"# syntax=evil/frontend\n{FROM}": "# syntax=",
    f"\ufeff// syntax = evil/frontend\n{FROM}": "// syntax =",
    f"# escape=`\n{FROM}": "# escape=",
    '{"syntax": "evil/frontend"}': "{",
    f"{FROM}\nADD https://example.org/a /a": "https://example.org/a",
    f'{FROM}\nADD ["https://example.org/a", "/a"]': "https://example.org/a",
    f"{FROM}\nadd --chmod=755 git@example.org:a.git /a": "git@example.org:a.git",
    f"{FROM}\nENV A=https://example.org\nADD $A /a": "$A",
    f"{FROM}\nCOPY --from=python:3.13 /a /a": "python:3.13",
    f"{FROM}\nRUN --mount=type=bind,from=python:3.13,target=/a ls /a": "python:3.13",
    f'{FROM}\nADD ["\\u0068ttps:\\/\\/example.org/a", "/a"]': "\\u0068ttps:\\/\\/example.org/a",
    f"{FROM}\nADD \u2028https://example.org/a /a": "https://example.org/a",
    f"{FROM}\r\nADD https://example.org/a /a\r\n": "https://example.org/a",
    f"{FROM}\nONBUILD ADD https://example.org/a /a": "https://example.org/a",
    f"{FROM}\nADD somebody@example.org:a.git /a": "somebody@example.org:a.git",
    '#!/bin/a\n{"syntax": "evil/frontend"}': "{",
    f"{FROM}\nRUN echo \\\\\nADD https://example.org/a /a": repr("\\\\"),
    f"{FROM}\nRUN echo \\\r\r\nADD https://example.org/a /a": repr("\r"),
    f"{FROM}\nRUN <<EOF\nFROM {LOCAL}a AS evil/a\nEOF\nCOPY --from=evil/a /a /a": "evil/a",
    f"{FROM}\nRUN <<A <<'B'\nA\nB\nCOPY --from=evil/a /a /a": "evil/a",
    f"ARG BASE=evil/a\n{FROM} AS one\nARG BASE={LOCAL}a\nFROM ${{BASE}}": "evil/a",
    f"ARG BASE={LOCAL}a\nARG OTHER=1 BASE=evil/a\nFROM ${{BASE}}": "${BASE}",
    f"ARG OTHER='x BASE={LOCAL}a'\nFROM ${{BASE:-evil/a}}": "${BASE:-evil/a}",
    f"ARG TARGETARCH={LOCAL}a\nFROM $TARGETARCH": "$TARGETARCH",
    f"FROM {LOCAL}a evil/a": f"{LOCAL}a evil/a",
    f"{FROM}\nRUN --mount=type=bind,FROM=evil/a,target=/a ls": "evil/a",
    f'{FROM}\nRUN --mount=type=bind,fr"om=evil/a",target=/a ls': "evil/a",
    f"{FROM}\nCOPY --chown=\"'\"'1 x' --from=evil/a /a /a": "--chown=\"'\"'1",
    f"{FROM}\nCOPY --fr\\om=evil/a /a /a": "--fr\\om=evil/a",
    f"{FROM}\nRUN --network=host ls": "--network=host",
    f"{FROM}\nRUN --security=insecure ls": "--security=insecure",
}


@pytest.mark.parametrize(("text", "source"), OUTSIDE.items())
def test_what_the_builder_would_fetch_is_found(text: str, source: str) -> None:
    """An image, an address, a syntax: however it is written."""
    assert find_outside(text) == source


def dockerfiles() -> dict[str, str]:
    """Every Dockerfile of the lessons at each stage, and of right answers in another style."""
    [source] = [source for source in solutions.service_sources(CHECKOUT) if source.file == "Dockerfile"]
    texts = {}
    for stage in source.stages:
        texts[f"{stage} solved"] = regions.solved(source.at(stage))
        texts[f"{stage} starter"] = regions.starter(source.at(stage))
    for path in sorted(CHECKOUT.glob("solutions/*/answers/*/*/Dockerfile")):
        texts[path.parent.name] = path.read_text()
    return texts


@pytest.mark.parametrize("text", dockerfiles().values(), ids=dockerfiles())
def test_the_lessons_dockerfiles_fetch_nothing(text: str) -> None:
    """Nor do words of commands that only look like it."""
    assert find_outside(text) == ""
    assert (
        find_outside(f"{FROM} AS one\nRUN echo --from=x ADD https://example.org\nFROM one\nCOPY --from=0 /a /b") == ""
    )
    assert find_outside(f'{FROM}\nCOPY --chown="10001:10001" --chmod=644 . .') == ""
    heredoc = f"{FROM} AS one\nRUN --network=none <<EOF\necho 1\nEOF\n{FROM} AS two\nCOPY --from=two /a /b"
    assert find_outside(heredoc) == ""


def test_podmans_name_of_the_file_is_read_too(tmp_path: Path) -> None:
    """Beside a Dockerfile that fetches nothing."""
    (tmp_path / "Dockerfile").write_text(FROM)
    (tmp_path / "Containerfile").write_text("FROM evil/a")
    assert outside_source(tmp_path) == "evil/a"


def test_such_a_dockerfile_is_not_given_to_the_builder(tmp_path: Path, built: list[str]) -> None:
    """In a closed stack it is a finding that says what would be fetched; a participant's own is built."""
    (tmp_path / "Dockerfile").write_text("FROM python:3.13\n")
    with service_image.build(context_of(tmp_path, ImageBuilds())):
        assert len(built) == 1
    closed = context_of(tmp_path, ImageBuilds(), is_closed=True)
    with pytest.raises(CheckEnded) as ended, service_image.build(closed):
        pass
    [finding] = ended.value.result.findings
    assert (finding.key, finding.got) == ("start.build.registry", "python:3.13")
    assert [tag for tag in built if not tag.startswith("-")] == built[:1]


@pytest.mark.parametrize(("asked", "swap_mib"), [(-1, 512), (4 * 1024, 512), (96, 96)])
def test_a_closed_stack_gives_no_swap(asked: int, swap_mib: int) -> None:
    """Whatever the memswap_limit of a compose file of others says."""
    image = SimpleNamespace(attrs={"Config": {}})
    engine = SimpleNamespace(client=SimpleNamespace(images=SimpleNamespace(get=lambda _name: image)))
    stack: Any = SimpleNamespace(session=SimpleNamespace(engine=engine), is_closed=True, network="closed")
    swap = asked * MIB if asked > 0 else asked
    spec = Spec("any", memory_bytes=None, host={"MemorySwap": swap})
    assert service_trial.confine(stack, spec).host["MemorySwap"] == swap_mib * MIB


def test_a_participants_trial_is_as_it_was(tmp_path: Path) -> None:
    """Only a closed stack confines more."""
    spec = Spec("any")
    assert service_trial.confine(context_of(tmp_path, ImageBuilds()).stack, spec) is spec
