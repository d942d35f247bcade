"""The time that a check needs to build a service, run it and place an order, beside the same by hand."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from benchmarks._rows import Row, median_pair, show
from benchmarks._workspace import ROOT, own_stack
from workshop_kit.engine import recipes
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.observe import http
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_context import Context
from workshop_kit.workspace import exercise_list

RUNS = 11
SEED = 1
DOCKERFILE = "container.dockerfile"
AFTER = "01b_orders"
"""The lesson at whose start the service is that of lesson 01, solved."""


def of_build(stack: Stack, folder: Path) -> Row:
    """Measure building and running a service until its first order, and removing it again."""
    context = Context(exercise_list.find(exercise_list.load(ROOT), DOCKERFILE), stack, SEED, folder=folder)
    tag = f"{recipes.REPOSITORY}/by-hand:{stack.project}"
    base = recipes.tags(ROOT)["python"]
    order = json.dumps(service_trial.ORDER).encode()

    def as_a_check() -> None:
        with (
            service_image.build(context) as image,
            service_trial.run(context, image) as trial,
        ):
            service_trial.wait_order(trial)

    def by_hand() -> None:
        output_of("docker", "build", "--quiet", f"--build-arg=BASE={base}", "-t", tag, str(folder))
        container_id = output_of("docker", "run", "--detach", "--publish", "127.0.0.1::8080", tag)
        try:
            address = output_of("docker", "port", container_id, "8080")
            while http.request("POST", f"http://{address}/orders", content=order).status != 201:
                time.sleep(0.02)
        finally:
            output_of("docker", "rm", "--force", container_id)
            output_of("docker", "rmi", tag)

    our_seconds, their_seconds = median_pair(as_a_check, by_hand, RUNS)
    beside = "docker build, run, first order and rm by hand"
    return Row("build, run, first order and removal in a check", our_seconds, RUNS, "≤ 1.5 ×", beside, their_seconds)


def output_of(*command: str) -> str:
    """Run a command and return its output."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Measure in a workspace of its own."""
    with own_stack() as (workspace, stack):
        exercise_service = ExerciseService.of(workspace, lambda: stack)
        checkpoint.arrange(exercise_service, AFTER)
        show([of_build(stack, workspace.my_service)])


if __name__ == "__main__":
    main()
