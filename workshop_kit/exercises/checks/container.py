"""The checks of container.graceful, container.layer and container.loss."""

from __future__ import annotations

import time
from collections.abc import Set
from typing import Any

import pandas as pd

from workshop_kit.engine.containers import DIFF_DELETED, Running
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check, handed_in, number, part
from workshop_kit.exercises.result import Finding, Result, conclude, equals, found, has_none, has_status
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe import layers
from workshop_kit.observe.http import Answer

COMMAND = ("sh", "start.sh")
STOP_SECONDS = 6.0
"""From SIGTERM to the end; Docker waits for ten seconds before it sends SIGKILL."""
ORDER_SECONDS = 0.5
"""From SIGTERM to the rest of an order; the task says that an order takes up to a second."""
KILLED_BY_SIGTERM = 143


@check("container.graceful")
def graceful(context: Context) -> Result:
    """Build the folder, run it with start.sh, and stop it while two clients have sent half an order each."""
    with service_trial.build(context) as image:
        called = f"Start your image with {' '.join(COMMAND)}"
        with service_trial.run(context, image, called, "Read start.sh.", command=COMMAND) as trial:
            service_trial.wait_order(trial)
            context.report_step("stopping it while an order is under way")
            order, end = _stop(trial)
            shown = "Told to stop, it answered the order that was under way, and ended by itself in time."
            return conclude(shown, (order, end), trial.lines(), lucky=end.passed)


def _stop(trial: Trial) -> tuple[Finding, Finding]:
    """Send SIGTERM between the halves of an order; a second client never sends its second half."""
    process_1, _ = service_trial.process_1(trial)
    with (
        trial.half_post("/orders", service_trial.ORDER) as finish_order,
        trial.half_post("/orders", service_trial.ORDER),
    ):
        began = time.monotonic()
        trial.signal("SIGTERM")
        time.sleep(ORDER_SECONDS)
        order = finish_order()
        hears = trial.post("/orders", service_trial.ORDER).status is None
        code = trial.wait_ended(STOP_SECONDS - (time.monotonic() - began))
        called = "docker stop, while another client never sends the rest of its order"
        return _order(order), end(called, process_1, code, STOP_SECONDS, hears=hears)


def _order(order: Answer) -> Finding:
    means = "A client had sent half of its order. The service ended without an answer, so the order is lost."
    look = "Which command in start.sh ends the service, and does it wait for the requests that have begun?"
    if order.status is not None:
        means = f"The service gave up the order that was under way, and answered {order.status}."
        look = "An order takes up to a second. How long does the service wait for one after SIGTERM?"
    called = f"POST /orders, half of it sent before SIGTERM, the rest {ORDER_SECONDS:g} s after"
    return has_status(order, 201, called, means, look)


def end(called: str, process_1: str, code: int | None, within_seconds: float, *, hears: bool = False) -> Finding:
    """Find whether it ended in time; ``code`` None: it still ran. ``hears``: no new orders after SIGTERM."""
    means = f"It ends with exit code {code}, which says that it crashed."
    look = "The exit code of a container is that of process 1. Read its last lines."
    if code == KILLED_BY_SIGTERM:
        means = "SIGTERM ended process 1 itself (143 = 128 + 15), and with it the container and all that ran in it."
        look = "Which process must end last? A shell's `wait` returns as soon as its trap has run."
    elif code is None and hears:
        means = "The service heard SIGTERM and takes no new orders, but one client that never sends the rest holds it: "
        means += "Docker has to kill it, exit code 137."
        look = "`uvicorn --help | grep -A 2 graceful`: how long may the requests that have begun take?"
    elif code is None:
        means = "The service does not hear SIGTERM and goes on taking orders, until Docker kills it: exit code 137."
        means = f"{service_trial.SHELL} {means}" if service_trial.is_shell(process_1) else means
        look = "Which process gets SIGTERM, what does it do then, and how can the service become that process?"
    return found(
        code == 0,
        called,
        f"process 1 is `{process_1}`; {'it still ran' if code is None else f'exit code {code}'}",
        f"exit code 0 within {within_seconds:g} s",
        means,
        look,
    )


KB = 1000


@check("container.layer")
def layer(context: Context) -> Result:
    """Compare the answer with the image's layers."""
    with handed_in(context, "image") as (image, value):
        return judge_layer(layers.files(context.stack.session.engine, image), value)


def judge_layer(files: pd.DataFrame, value: Any) -> Result:
    """Judge an answer by the files of the image, as `layers.files` lists them."""
    findings = (_instruction(files, part(value, "instruction")), _hidden(files, part(value, "hidden_bytes")))
    shown = "You found the bytes that every pull downloads and no container can see."
    return conclude(shown, findings, symptom="Every pull still downloads bytes that no container can see.")


def _instruction(files: pd.DataFrame, said: Any) -> Finding:
    right = files[~files.visible].groupby("instruction", sort=False).size_bytes.sum().idxmax()
    means = f"A container can see what `{said}` brought."
    look = "In which layer is a file that a later layer deleted?"
    if said not in files.instruction.to_numpy():
        means = "That instruction brought no file."
        look = "A step that deletes hides a file of an earlier layer. Which instruction brought that file?"
    return found(
        said == right,
        "docker save, and the instruction of each layer",
        f"you named {said or 'no instruction'}",
        "the instruction whose layer holds a file that no container can see",
        means,
        look,
    )


def _hidden(files: pd.DataFrame, said: Any) -> Finding:
    hidden, visible = files[~files.visible].size_bytes.sum(), files[files.visible].size_bytes.sum()
    counted = number(said)
    means, look = "The hidden files have another size.", "Add up size_bytes of the rows whose file is not visible."
    if _near(counted, hidden + visible):
        means, look = "That is the size of all files in all layers.", "How many of these bytes can a container see?"
    elif _near(counted, visible):
        means = "That is what a container can see. The question is about the other files."
    return found(
        _near(counted, hidden),
        "docker save, and the size of the hidden files",
        "you counted nothing" if counted is None else f"you counted {counted:,.0f} bytes",
        "the size of all files that no container can see, to the kilobyte",
        means,
        look,
    )


def _near(counted: float | None, size_bytes: int) -> bool:
    return counted is not None and bool(abs(counted - size_bytes) < KB)


@check("container.loss")
def loss(context: Context) -> Result:
    """Compare the answer with the container's writable layer and mounts."""
    session = context.stack.session
    with handed_in(context, "container") as (container, value):
        written = _written(Running(session, session.engine.client.containers.get(container)))
        return judge_loss(*written, value)


def judge_loss(layer: Set[str], tmpfs: Set[str], volume: Set[str], value: Any) -> Result:
    """Judge an answer by the files that the container wrote to its writable layer, a tmpfs and a volume."""
    said = {str(path) for path in value} if isinstance(value, list | tuple | set) else set()
    findings = (
        equals(  # a count: their names are the answer
            "docker diff: files in the writable layer",
            f"{len(layer - said)} are not in your answer",
            "0 are not in your answer",
            "The container's writable layer is removed with it.",
            "`docker diff` lists what the container changed. Which of it are files?",
        ),
        equals(
            "docker inspect, HostConfig.Tmpfs: files in a tmpfs",
            f"{len(tmpfs - said)} are not in your answer",
            "0 are not in your answer",
            "A tmpfs is memory of the container: the kernel frees it when the container ends.",
            "`docker diff` does not look into a mount. What does `find` in the container list below each one?",
        ),
        has_none(
            sorted(said & volume),
            "docker inspect, Mounts: files in a volume that are in your answer",
            "You count a file as lost that a volume keeps after the container is removed.",
            "Where is the volume mounted?",
        ),
        has_none(
            sorted(said - layer - tmpfs - volume),
            "find: paths in your answer that are no file which the container wrote",
            "A folder, or a file of the image, is not lost: the next container has it again.",
            "Which of these paths did the container write itself, and are they files?",
        ),
    )
    symptom = "If this container were removed now, files would be gone that you did not expect."
    return conclude("You know which files a removal deletes, and which stay.", findings, symptom=symptom)


def _written(running: Running) -> tuple[Set[str], Set[str], Set[str]]:
    """Return the files that a container wrote, as `judge_loss` takes them; each of its mounts began empty."""
    state = running.inspect()
    volumes = {mount["Destination"] for mount in state["Mounts"] if mount["Type"] == "volume"}
    tmpfs = set(state["HostConfig"]["Tmpfs"] or {})
    changed = {change["Path"] for change in running.container.diff() or [] if change["Kind"] != DIFF_DELETED}
    layer = _files(running, changed, "-maxdepth", "0")  # without folders, of which an engine may change some itself
    return layer, _files(running, tmpfs), _files(running, volumes)


def _files(running: Running, paths: Set[str], *options: str) -> set[str]:
    if not paths:
        return set()  # find without a path would search the working directory
    return set(running.read("find", *paths, *options, "-type", "f").split("\n")) - {""}
