"""The time of a check: of a service that is built, of a single file."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from pathlib import Path

from benchmarks._rows import Row, median_seconds, show
from benchmarks._workspace import ROOT, own_stack
from workshop_kit.checks import CHECKS
from workshop_kit.engine import recipes
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.observe import http
from workshop_kit.reporting import Step
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import Context
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import regions, registry
from workshop_kit.workspace.registry import Exercise

RUNS = 11
SEED = 1
DOCKERFILE = "container.dockerfile"


def of_exercise(stack: Stack, exercise: Exercise) -> Row:
    """Measure the check of an exercise with its solution, which must pass every time."""
    source = (ROOT / "solutions" / exercise.lesson / exercise.source).read_text()
    context = Context(exercise, stack, SEED, regions.solved(source))

    def work() -> None:
        result = CHECKS[exercise.id](context)
        assert result.verdict is Verdict.PASSED, result

    return Row(f"check of {exercise.id}, solved", median_seconds(work, RUNS), RUNS, "≤ 1.5 s")


def of_build(stack: Stack, folder: Path) -> Row:
    """Measure building and running a service until its first order, as a check does it and by hand."""
    base = recipes.tags(ROOT)["python"]
    context = Context(registry.find(registry.load(ROOT), DOCKERFILE), stack, SEED, folder=folder)
    tag = f"{recipes.REPOSITORY}/by-hand:{stack.project}"

    def as_a_check() -> float:
        began = time.perf_counter()
        with (
            service_image.build(context) as image,
            service_trial.run(context, image) as trial,
        ):
            service_trial.wait_order(trial)
            return time.perf_counter() - began

    def by_hand() -> float:
        began = time.perf_counter()
        alias = f"{recipes.PYTHON_ALIAS}=docker-image://{base}"
        output_of("docker", "build", "--quiet", "--build-context", alias, "-t", tag, str(folder))
        container_id = output_of("docker", "run", "--detach", "--publish", "127.0.0.1::8080", tag)
        try:
            address = output_of("docker", "port", container_id, "8080")
            order = json.dumps(service_trial.ORDER).encode()
            while http.request("POST", f"http://{address}/orders", content=order).status != 201:
                time.sleep(0.02)
            return time.perf_counter() - began
        finally:
            output_of("docker", "rm", "--force", container_id)

    by_hand()
    as_a_check()

    check_seconds: list[float] = []
    hand_seconds: list[float] = []
    for _ in range(RUNS):
        check_seconds.append(as_a_check())
        hand_seconds.append(by_hand())
    output_of("docker", "rmi", tag)

    work = "build, run and first order in a check"
    beside = "docker build, docker run and first order by hand"
    ours = statistics.median(check_seconds)
    theirs = statistics.median(hand_seconds)
    return Row(work, ours, RUNS, "≤ 1.5 ×", beside, theirs)


def output_of(*command: str) -> str:
    """Run a command and return its output."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def of_save(stack: Stack, folder: Path) -> list[Row]:
    """Measure the times from saving a Dockerfile with a mistake to the finding and to the verdict.

    The dependencies are in the build cache.
    """
    exercise = registry.find(registry.load(ROOT), DOCKERFILE)
    path = folder / "Dockerfile"
    path.write_text(path.read_text().replace("USER 10001:10001\n", ""))
    finding_seconds = []
    verdict_seconds = []

    for run in range(RUNS + 1):
        path.write_text(f"{path.read_text()}ENV RUN={run}\n")
        seconds_to_finding, seconds_to_verdict = seconds_of_wrong_check(stack, exercise, folder)
        finding_seconds.append(seconds_to_finding)
        verdict_seconds.append(seconds_to_verdict)

    to_finding = statistics.median(finding_seconds[1:])  # without the first run, which fills the cache
    to_verdict = statistics.median(verdict_seconds[1:])
    return [
        Row(f"{DOCKERFILE}, from save to the first failing finding", to_finding, RUNS, "≤ 3 s"),
        Row(f"{DOCKERFILE}, from save to the verdict", to_verdict, RUNS, "≤ 8 s"),
    ]


def seconds_of_wrong_check(stack: Stack, exercise: Exercise, folder: Path) -> tuple[float, float]:
    """Check a service with a mistake; return the seconds to the first failing finding, and to the verdict."""
    finding_seconds: list[float] = []
    began = time.perf_counter()

    def report(step: Step) -> None:
        if step.detail.startswith("✗"):
            finding_seconds.append(time.perf_counter() - began)

    context = Context(exercise, stack, SEED, folder=folder, report=report)
    result = CHECKS[exercise.id](context)
    assert result.verdict is Verdict.WRONG, result
    return finding_seconds[0], time.perf_counter() - began


def main() -> None:
    """Measure in a workspace of its own: one build, one save, and the check of every exercise that is a single file."""
    with own_stack() as (workspace, stack):
        exercise_service = ExerciseService.of(workspace, lambda: stack)
        checkpoint.solve(exercise_service, DOCKERFILE)
        rows = [of_build(stack, workspace.my_service), *of_save(stack, workspace.my_service)]
        exercises_with_file = [exercise for exercise in exercise_service.exercises if exercise.file]
        single_files = [exercise for exercise in exercises_with_file if not exercise.in_service]
        rows += [of_exercise(stack, exercise) for exercise in single_files]
        show(rows)


if __name__ == "__main__":
    main()
