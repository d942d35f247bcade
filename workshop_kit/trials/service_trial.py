"""Run the image of a participant's service: confined, bounded, alone or with the stack's databases."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from workshop_kit.engine import containers, paused_containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import SECRETS_FOLDER, CommandResult
from workshop_kit.engine.labels import COLLECT
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import wait_for
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.trials.check_context import CheckEnded, Context
from workshop_kit.trials.result import Finding, conclude
from workshop_kit.trials.start_failure import refusal_result, start_failure_result
from workshop_kit.trials.trial import LOOK_SECONDS, NO_HEALTHCHECK, PORT, SMALL_LOG, START_SECONDS, Reply, Trial

GIVEN = "/given"
"""The folder in the container for the files of a check."""
FAULTY = CHECKOUT / "workshop_kit/faults/faulty_inside.py"
"""The program that runs a service with faults, which a request chooses by the header ``X-Fault``."""
PROGRAM = re.compile(r"[^\s'\"]*\bmain\.py\b")
ORDER = {"item": "tea", "quantity": 1}
SHELLS = ("sh", "bash", "dash")
ABOUT_PROCESS_1 = "tr '\\0' ' ' </proc/1/cmdline; echo; grep ^Uid: /proc/1/status"

EXEC_SECONDS = 5.0


def ensure_up(stack: Stack, report: Report = silent) -> None:
    """Bring the stack up if a container is missing, stopped, or was left paused by a process that has ended.

    Raises WorkshopError if one is paused otherwise: by a fault, by a cell, or by hand.
    """
    status_by_service = {name: container.status for name, container in stack.containers().items()}
    for paused in paused_containers.find(stack.session):
        if paused.project == stack.project and not paused.is_abandoned:
            next_step = "Revert that fault first." if paused.holder else paused.next_step
            raise WorkshopError(f"{paused.service} is paused, so nothing can be checked.", next_step)

    all_run = all(status == "running" for status in status_by_service.values())
    if "service" not in status_by_service or not all_run:
        report(Step("Check", None, "the check needs the stack: bringing it up"))
        stack.up(report=report)


def secrets_of(stack: Stack) -> dict[str, str]:
    """Return the texts of the secrets that Compose mounts into the stack's service, by path in the container.

    They are read in the stack's folder: a mount's source is a path of the engine's machine, which may be another one.
    """
    texts = {}
    for mount in stack.container("service").attrs["Mounts"]:
        path = PurePosixPath(mount["Destination"])
        if mount["Type"] == "bind" and str(path.parent) == SECRETS_FOLDER:
            texts[str(path)] = (stack.secrets_folder / path.name).read_text()
    return texts


def settings_of(service: Any) -> dict[str, str]:
    """Return the variables of the service's container that its image does not have with the same value."""
    image_pairs = set(service.image.attrs["Config"]["Env"] or ())
    own_pairs = set(service.attrs["Config"]["Env"]) - image_pairs
    return dict(pair.split("=", 1) for pair in own_pairs)


@contextlib.contextmanager
def run(context: Context, image: str, **changes: Any) -> Iterator[Trial]:
    """Run the image alone; ``changes`` are fields of `Spec`. Raises CheckEnded if the engine refuses it."""
    context.report_step("starting your service")
    try:
        spec = replace(_spec(image), **changes)
        running = containers.run(context.stack.session, spec)
    except WorkshopError as error:
        raise CheckEnded(refusal_result(error)) from error
    with running:
        yield Trial(running, superseded=context.superseded, waits=context.waits)


@contextlib.contextmanager
def run_with_stack(
    context: Context,
    image: str,
    *,
    environment: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    files: Mapping[str, str] | None = None,
    wrapper: Path | None = None,
    **changes: Any,
) -> Iterator[Trial]:
    """Run the image with the settings, the secrets and the databases of the stack's service.

    ``environment`` is added to the settings, the variables in ``without`` are removed; ``files`` maps paths below
    `GIVEN` to texts; ``wrapper`` is `FAULTY`, or a program that imports it, which runs the service with faults;
    ``changes`` are fields of `Spec`. Raises WorkshopError if the engine refuses to start it.
    """
    stack = context.stack
    ensure_up(stack, context.report)
    context.report_step("starting your service")
    settings = {**settings_of(stack.container("service")), **(environment or {})}
    passwords = secrets_of(stack)

    given_files = _given_files(files or {}, wrapper)
    entrypoint = None
    if wrapper:
        entrypoint = wrap_command(command_of(context, image), f"{GIVEN}/{wrapper.name}")

    spec = replace(
        _spec(image),
        entrypoint=entrypoint,
        environment={name: value for name, value in settings.items() if name not in without},
        network=stack.network,
        volumes=(SECRETS_FOLDER, GIVEN) if given_files else (SECRETS_FOLDER,),
        files={**passwords, **given_files},
        dns_options=("timeout:1", "attempts:1"),  # as compose.yaml has them
    )

    with containers.run(stack.session, replace(spec, **changes)) as running:
        yield Trial(running, secrets=tuple(passwords.values()), superseded=context.superseded, waits=context.waits)


def _given_files(files: Mapping[str, str], wrapper: Path | None) -> dict[str, str]:
    """Return the texts of a trial's files, and of its wrapper with `FAULTY`, by their paths in the container."""
    text_by_name = dict(files)
    if wrapper:
        text_by_name[FAULTY.name] = FAULTY.read_text()
        text_by_name[wrapper.name] = wrapper.read_text()
    return {f"{GIVEN}/{name}": text for name, text in text_by_name.items()}


def wrap_command(command: Sequence[str], wrapper: str) -> tuple[str, ...]:
    """Return a command with a wrapper before its main.py; what stands before and behind stays as it is.

    A command that does not name main.py is replaced: a script may have it inside.
    """

    def add_wrapper(program: re.Match[str]) -> str:
        return f"{wrapper} {program[0]}"

    for index, word in enumerate(command):
        words_before = command[:index]
        words_after = command[index + 1 :]
        if PROGRAM.fullmatch(word) and not words_before:  # a file that runs by itself
            return ("python", wrapper, word, *words_after)
        if PROGRAM.fullmatch(word):
            return (*words_before, wrapper, word, *words_after)
        if PROGRAM.search(word):  # the text of a shell
            return (*words_before, PROGRAM.sub(add_wrapper, word, count=1), *words_after)
    return ("python", wrapper, "main.py")


def command_of(context: Context, image: str) -> list[str]:
    """Return the words that a container of the image runs."""
    config = context.stack.session.engine.client.images.get(image).attrs["Config"]
    entrypoint = config.get("Entrypoint") or ()
    command = config.get("Cmd") or ()
    return [*entrypoint, *command]


def wait_started(trial: Trial, path: str = "/livez", *, within_seconds: float = START_SECONDS) -> None:
    """Wait until ``path`` answers 200. Raises CheckEnded if it does not in time."""
    if not trial.wait_answer(path, within_seconds):
        raise CheckEnded(start_failure_result(trial, f"GET {path}"))


def _spec(image: str) -> Spec:
    """Return the spec of a trial's container, whose log the check reads and the collector does not."""
    return Spec(
        image, ports=(PORT,), labels={COLLECT: "no"}, healthcheck=NO_HEALTHCHECK, more={"log_config": SMALL_LOG}
    )


def wait_order(trial: Trial) -> None:
    """Wait until an order is taken (201). Raises CheckEnded if none is in time."""

    def place_order() -> Reply:
        return trial.post("/orders", ORDER)

    def is_answered_or_ended(answer: Reply) -> bool:
        is_answered = answer.status is not None and answer.status < 500
        return is_answered or trial.exit_code() is not None

    missing = f"no good answer to POST /orders on port {trial.port}"
    answer = trial.poll(place_order, is_answered_or_ended, START_SECONDS, missing=missing, pause_seconds=LOOK_SECONDS)
    if answer.status is None:
        raise CheckEnded(start_failure_result(trial, "POST /orders", "201"))
    if answer.status != 201:
        means = f"The service answers {answer} to an order."
        look = "Which route does app.py have for POST /orders?"
        finding = Finding(False, answer.called, answer.got, "201", means, look)
        raise CheckEnded(conclude("", [finding], trial.log_tail()))


def read_process_1(trial: Trial) -> tuple[str, int]:
    """Return the command line of process 1, and the user id it runs as."""

    def has_output(answer: CommandResult) -> bool:
        return "Uid:" in answer.output

    read_process = partial(trial.running.exec, "sh", "-c", ABOUT_PROCESS_1)
    answer = wait_for(read_process, EXEC_SECONDS, until=has_output)  # now and then an exec loses its output
    command, _, user_ids = answer.output.rpartition("Uid:")
    real_user_id = int(user_ids.split()[0])
    return command.strip(), real_user_id


def is_shell(command: str) -> bool:
    """Return whether a command line is a shell's."""
    program, _, _ = command.partition(" ")
    _, _, name = program.rpartition("/")
    return name in SHELLS
