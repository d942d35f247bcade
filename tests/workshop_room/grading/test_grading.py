"""Submissions on the real engine: right ones pass, hostile ones cost their row, and nothing of either is left."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until
from tests.workshop_kit.engine.kernels import things
from tests.workshop_kit.exercises import check_runner
from tests.workshop_room.grading.conftest import HandIn
from workshop_kit.engine import containers, images, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import silent
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import Context
from workshop_kit.workspace import regions, registry, solutions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import HIDDEN
from workshop_room.grading import build_cgroup, process_judge
from workshop_room.grading.build_guard import OPTIONS
from workshop_room.grading.grade import Grade, GradeBook, Outcome
from workshop_room.grading.grader import GradedSubmission, gradable, grade_all
from workshop_room.grading.process_judge import ProcessJudge
from workshop_room.grading.submission import Submission, read_submissions
from workshop_room.grading.worker import Job, judge_of

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(1800)]

FROM = "FROM localhost/workshop/python:3.13\n"
MARKERS = "# region container.dockerfile\n# endregion container.dockerfile\n"
WORKER_ID = "5eed0001"
"""The id of each worker's workspace, by which a test knows what a worker made."""
EXERCISES = gradable(registry.load(CHECKOUT))
GONE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def quick_control() -> Iterator[None]:
    """What a check waited for in vain is the answer's fault, however slow this machine is."""
    with check_runner.quick_control():
        yield


@pytest.fixture(autouse=True)
def worker_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker's workspace has the same id."""

    def make_folder(prefix: str, dir: Path) -> str:
        numbers = [int(path.name.removeprefix(prefix)) for path in dir.glob(f"{prefix}*")]
        folder = dir / f"{prefix}{max(numbers, default=0) + 1}"
        (folder / "workspace" / HIDDEN).mkdir(parents=True)
        (folder / "workspace" / HIDDEN / "id").write_text(f"{WORKER_ID}\n")
        return str(folder)

    monkeypatch.setattr(process_judge, "mkdtemp", make_folder)


def graded(folder: Path, work: Path, names: Sequence[str], options: Sequence[str] = OPTIONS) -> list[GradedSubmission]:
    """Grade what a folder has, as the command does."""
    book = GradeBook(work / "results.jsonl")
    judge = ProcessJudge(work, build_options=options)
    return list(grade_all(read_submissions([folder]), names, book, judge))


def grades_of(submission: GradedSubmission) -> dict[str, Grade]:
    """The grades by exercise."""
    return {grade.exercise: grade for grade in submission.grades}


def at(exercise: str) -> dict[str, str]:
    """The service as it is at an exercise, solved."""
    stages = check_runner.moment(CHECKOUT, registry.find(EXERCISES, exercise))
    of_service = {source: stage for source, stage in stages.items() if source.path.startswith(f"{MY_SERVICE}/")}
    return {source.file: regions.solved(source.at(stage)) for source, stage in of_service.items()}


def hand_in_only(hand_in: HandIn, name: str, files: dict[str, str]) -> Path:
    """A submission that has these files and no others."""
    folder = hand_in(name)
    for path in (folder / MY_SERVICE).iterdir():
        path.unlink()
    for file, text in files.items():
        (folder / MY_SERVICE / file).write_text(text)
    return folder


def test_lesson_01_by_a_worker(hand_in: HandIn, engine: Engine, images: dict[str, str], tmp_path: Path) -> None:
    """The service of that lesson passes, a Dockerfile that does not build is named, and the workers leave nothing."""
    assert images
    files = solutions.files_at(CHECKOUT, "01b")
    hand_in_only(hand_in, "ann", files)
    damaged = {**files, "Dockerfile": f"{FROM}RUN exit 1\n{MARKERS}"}
    hand_in_only(hand_in, "ben", damaged)
    names = ["container.dockerfile", "container.limits"]
    ann, ben = graded(tmp_path / "handed in", tmp_path / "work", names)

    assert {name: grade.outcome for name, grade in grades_of(ann).items()} == dict.fromkeys(names, Outcome.PASSED)
    assert {grade.outcome for grade in ben.grades} == {Outcome.DID_NOT_START}
    assert "start.build.unknown" in {grade.key for grade in ben.grades}
    assert things(engine, WORKER_ID) == []
    assert [path.name for path in (tmp_path / "work").iterdir() if path.name.startswith("work-")] == []


def test_every_solution_passes_in_a_closed_stack(hand_in: HandIn, images: dict[str, str], tmp_path: Path) -> None:
    """The finished service passes each exercise that is still in it; config.env passes where it was done."""
    assert images
    folder = hand_in("ann")
    for exercise in EXERCISES:
        if not exercise.in_service:
            source = check_runner.marked_for(exercise)
            path = folder / exercise.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(regions.solved(source))
    [submission] = graded(folder, tmp_path / "work", [exercise.id for exercise in EXERCISES])
    over = {"container.dockerfile", "container.limits", "container.graceful", "config.env"}
    for name, grade in grades_of(submission).items():
        expected = Outcome.NOT_GRADED if name in over else Outcome.PASSED
        assert grade.outcome is expected, (name, grade)

    early = hand_in_only(hand_in, "ben", at("config.env"))
    [submission] = graded(early, tmp_path / "work", ["config.env"])
    assert submission.grades[0].outcome is Outcome.PASSED


def test_one_folder_is_built_once(
    hand_in: HandIn, images: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two checks of the same service share its image, which is removed at the end; the worker's RUN has no network."""
    assert images
    built: list[list[str]] = []
    run_builder = service_image._run_builder

    def noted(command: list[str], context: Context) -> None:
        built.append(command)
        run_builder(command, context)

    monkeypatch.setattr(service_image, "_run_builder", noted)
    [submission] = read_submissions([hand_in("ann")])
    names = ["config.report", "orders.recent"]
    with judge_of(Job.of(submission, names, tmp_path / "work" / "workspace", OPTIONS)) as judge:
        grades = list(judge.grades())
        engine = judge.service.stack().session.engine
    assert [grade.outcome for grade in grades] == [Outcome.PASSED] * 2
    assert len(built) == 1
    assert "--network=none" in built[0]
    tag = built[0][built[0].index("--tag") + 1]
    assert not engine.client.images.list(name=tag)


NO_NETWORK = """
import socket
try:
    socket.create_connection(("192.0.2.1", 80), 3)
except OSError as error:
    print(error)
    raise SystemExit(error.errno != 101)
raise SystemExit(2)
"""
TOO_LARGE = """
with open("/large", "wb") as file:
    for _ in range(300):
        file.write(bytes(2**20))
"""
TOO_MUCH = "x = bytearray(2**31); x[::4096] = bytes(len(x[::4096]))"


def build(session: Session, folder: Path, program: str, options: Sequence[str]) -> int:
    """Build an image whose only step runs a Python program; return the builder's exit code."""
    folder.mkdir(exist_ok=True)
    (folder / "program.py").write_text(program)
    base = recipes.tags(CHECKOUT)["base"]
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY program.py /\nRUN python3 /program.py\n")
    tag = f"{recipes.REPOSITORY}/check:test-grading"
    command = [*images.build_command(session.engine, tag, session.labels("kernel")), *options, str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=300).returncode
    finally:
        service_image.remove_image(session, tag)


def test_a_run_line_has_neither_network_nor_room(session: Session, images: dict[str, str], tmp_path: Path) -> None:
    """A step of a build of others reaches no address, and its files and memory are limited; a plain step works."""
    assert images
    assert build(session, tmp_path / "plain", "print(1)", OPTIONS) == 0
    assert build(session, tmp_path / "network", NO_NETWORK, OPTIONS) == 0  # network is unreachable
    assert build(session, tmp_path / "file", TOO_LARGE, OPTIONS) != 0
    assert build(session, tmp_path / "memory", TOO_MUCH, OPTIONS) != 0


def test_the_processes_of_a_build_are_limited_together(engine: Engine, images: dict[str, str]) -> None:
    """Where the engine allows it, builds run below a group with limits, which is gone afterwards; else it is said."""
    assert images
    sentences: list[str] = []
    with build_cgroup.build_options(engine, sentences.append) as options:
        limited = options[: len(OPTIONS)] == OPTIONS and options[-1] == f"--cgroup-parent=/{build_cgroup.NAME}"
        assert limited or sentences == [build_cgroup.WITHOUT_LIMITS]
    groups = [*Path("/sys/fs/cgroup").glob(build_cgroup.NAME), *Path("/sys/fs/cgroup").glob(f"*/{build_cgroup.NAME}")]
    assert groups == []


FILL_DISK = "RUN for i in $(seq 100); do dd if=/dev/zero of=/f$i bs=1M count=250; done"
FORK_FOR_EVER = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
HOSTILE = {
    "endless": {"Dockerfile": f"{FROM}RUN sleep 9999\n{MARKERS}"},
    "bomb": {"Dockerfile": f"{FROM}RUN bash -c ':(){{ :|:& }};:; sleep 9999'\n{MARKERS}"},
    "disk": {"Dockerfile": f"{FROM}{FILL_DISK}\n{MARKERS}"},
    "running": {"app.py": FORK_FOR_EVER},
}


def test_hostile_submissions_cost_their_rows(
    hand_in: HandIn, engine: Engine, images: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside them the right one passes, every row is there, and this machine is as it was."""
    assert images
    monkeypatch.setenv("WORKSHOP_PATIENCE", "1")
    files = solutions.files_at(CHECKOUT, "01b")
    for name, changes in HOSTILE.items():
        hand_in_only(hand_in, name, {**files, **changes})
    hand_in_only(hand_in, "ann", files)
    linked = hand_in_only(hand_in, "zero", files) / MY_SERVICE / "compose.yaml"
    linked.unlink()
    linked.symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "handed in" / "fifo.zip")

    names = ["container.limits"]
    with build_cgroup.build_options(engine, print) as options:
        by_name = {
            submission.submission.name: submission
            for submission in graded(tmp_path / "handed in", tmp_path / "work", names, options)
        }
    assert set(by_name) == {*HOSTILE, "ann", "zero", "fifo"}
    assert by_name["ann"].grades[0].outcome is Outcome.PASSED
    assert by_name["zero"].grades[0].outcome is Outcome.NOT_READABLE
    assert by_name["fifo"].submission.problem
    for name in HOSTILE:
        assert not by_name[name].grades[0].passed
    assert things(engine, WORKER_ID) == []


def test_a_killed_worker_leaves_nothing(
    hand_in: HandIn, engine: Engine, images: dict[str, str], tmp_path: Path
) -> None:
    """After kill -9 its reaper removes the stack, and the exercise is not judged."""
    assert images
    [submission] = read_submissions([hand_in("ann")])
    judge = ProcessJudge(tmp_path / "work", build_options=OPTIONS)
    with ThreadPoolExecutor(1) as pool:
        grades = pool.submit(lambda: list(judge(submission, ["config.report"], silent)))
        wait_until(lambda: things(engine, WORKER_ID), timeout_seconds=300)
        for child in psutil.Process().children():
            if "workshop_room.grading.worker" in child.cmdline():
                child.send_signal(signal.SIGKILL)
        worker_grades = grades.result(300)
    assert [grade.outcome for grade in worker_grades] == [Outcome.NOT_JUDGED]
    wait_until(lambda: not things(engine, WORKER_ID), timeout_seconds=GONE_SECONDS)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]) -> Iterator[Stack]:
    """A closed stack, up."""
    assert images
    job = Job.of(Submission("nobody"), [], tmp_path_factory.mktemp("closed") / "workspace", OPTIONS)
    with judge_of(job) as judge:
        stack = judge.service.stack()
        service_trial.ensure_up(stack, silent)
        yield stack


def translated(network: str, engine: Engine) -> bool:
    """Whether this machine's kernel translates the addresses of a network, so that answers come back."""
    [subnet] = [config["Subnet"] for config in engine.client.networks.get(network).attrs["IPAM"]["Config"]]
    rules = subprocess.run(["iptables", "-t", "nat", "-S", "POSTROUTING"], check=True, capture_output=True, text=True)
    return any(subnet in rule and "MASQUERADE" in rule for rule in rules.stdout.splitlines())


def test_a_closed_stack_gets_no_answer_from_outside(closed: Stack, stack: Stack) -> None:
    """Its addresses are not translated, those of a participant's stack are; ports are published in either."""
    engine = closed.session.engine
    assert translated(stack.network, engine)
    assert not translated(closed.network, engine)
    assert containers.url_of(closed.container("service").attrs, 8080).startswith("http://127.0.0.1:")


def test_a_trial_in_a_closed_stack_has_less(closed: Stack, tmp_path: Path) -> None:
    """No volume on the disk, no large file, no name but the stack's, and no more memory than a trial's."""
    session = closed.session
    tag = f"{recipes.REPOSITORY}/check:test-closed"
    base = recipes.tags(CHECKOUT)["base"]
    (tmp_path / "Dockerfile").write_text(f'FROM {base}\nVOLUME /data\nCMD ["sleep", "600"]\n')
    images.build_folder(session, tmp_path, tag)
    try:
        wanted = Spec(tag, memory_bytes=None, cpus=None, pids=None, read_only=False, tmpfs={})
        with containers.run(session, service_trial.confine(closed, wanted)) as running:
            host = running.inspect()["HostConfig"]
            mounts = [mount for mount in running.inspect()["Mounts"] if mount["Type"] == "volume"]
            large = running.exec("dd", "if=/dev/zero", "of=/large", "bs=1M", "count=100")
            known_name = running.exec("python3", "-c", "import socket; socket.gethostbyname('redis')")
            unknown_name = running.exec("python3", "-c", "import socket; socket.gethostbyname('example.org')")
    finally:
        service_image.remove_image(session, tag)
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (512 * 2**20, 10**9, 200)
    assert mounts == []
    assert large.exit_code != 0
    assert (known_name.exit_code, unknown_name.exit_code) == (0, 1)
