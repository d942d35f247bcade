"""The checks of container.layer and container.loss: an image's hidden bytes, and the files that a removal deletes."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Any

import pandas as pd
from docker.errors import NotFound

from workshop_kit.engine.containers import Running
from workshop_kit.exercises.answers import gone, handed_in, number, part
from workshop_kit.exercises.check_api import CheckResult, Context, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.observe import layers

KB = 1000
DELETED = 2
"""The kind of a change in ``docker diff``."""


@dataclass(frozen=True)
class Written:
    """The paths of the files that a container wrote, by where they are stored."""

    layer: Set[str]
    tmpfs: Set[str]
    volume: Set[str]


@check("container.layer")
def layer(context: Context) -> CheckResult:
    """Compare the answer with the image's layers."""
    image, value = handed_in(context, "image")
    if image is None:
        return value
    try:
        return judge_layer(layers.files(context.stack.session.engine, image), value)
    except NotFound:
        return gone(context, "image")


def judge_layer(files: pd.DataFrame, value: Any) -> CheckResult:
    """Judge an answer by the files of the image, as `layers.files` lists them."""
    findings = (_instruction(files, part(value, "instruction")), _hidden(files, part(value, "hidden_bytes")))
    summary = "Every pull still downloads bytes that no container can see."
    if all(finding.passed for finding in findings):
        summary = "You found the bytes that every pull downloads and no container can see."
    return CheckResult(summary, findings)


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

    def near(size_bytes: int) -> bool:
        return counted is not None and bool(abs(counted - size_bytes) < KB)

    means, look = "The hidden files have another size.", "Add up size_bytes of the rows whose file is not visible."
    if near(hidden + visible):
        means, look = "That is the size of all files in all layers.", "How many of these bytes can a container see?"
    elif near(visible):
        means, look = "That is what a container can see.", "The question is about the other files."
    elif not counted:
        means, look = "It is not counted yet.", "Compare all layers with what a container can see."
    return found(
        near(hidden),
        "docker save, and the size of the hidden files",
        "you counted nothing" if counted is None else f"you counted {counted:,.0f} bytes",
        "the size of all files that no container can see, to the kilobyte",
        means,
        look,
    )


@check("container.loss")
def loss(context: Context) -> CheckResult:
    """Compare the answer with the container's writable layer and mounts."""
    container, value = handed_in(context, "container")
    if container is None:
        return value
    session = context.stack.session
    try:
        return judge_loss(_written(Running(session, session.engine.client.containers.get(container))), value)
    except NotFound:
        return gone(context, "container")


def judge_loss(written: Written, value: Any) -> CheckResult:
    """Judge an answer by the files that the container wrote."""
    said = {str(path) for path in value} if isinstance(value, list | tuple | set) else set()
    others = said - written.layer - written.tmpfs - written.volume
    findings = (
        found(
            written.layer <= said,
            "docker diff: files in the writable layer",
            _missing(written.layer - said),
            "all of them in your answer",
            "The container's writable layer is removed with it.",
            "`docker diff` lists what the container changed. Which of it are files?",
        ),
        found(
            written.tmpfs <= said,
            "docker inspect, HostConfig.Tmpfs: files in a tmpfs",
            _missing(written.tmpfs - said),
            "all of them in your answer",
            "A tmpfs is memory of the container: the kernel frees it when the container ends.",
            "`docker diff` does not look into a mount. What does `find` in the container list below each one?",
        ),
        found(
            not said & written.volume,
            "docker inspect, Mounts: files in a volume",
            f"{_names(said & written.volume)} in your answer" if said & written.volume else "none in your answer",
            "none in your answer",
            "You count a file as lost that a volume keeps after the container is removed.",
            "Where is the volume mounted?",
        ),
        found(
            not others,
            "find: paths that are no file which the container wrote",
            f"{_names(others)} in your answer" if others else "nothing else in your answer",
            "nothing else in your answer",
            "A folder, or a file of the image, is not lost: the next container has it again.",
            "Which of these paths did the container write itself, and are they files?",
        ),
    )
    summary = "If this container were removed now, files would be gone that you did not expect."
    if all(finding.passed for finding in findings):
        summary = "You know which files a removal deletes, and which stay."
    return CheckResult(summary, findings)


def _written(running: Running) -> Written:
    """Return the files that a container wrote; all files in a mount count, since each began empty."""
    state = running.inspect()
    volumes = {mount["Destination"] for mount in state["Mounts"] if mount["Type"] == "volume"}
    tmpfs = set(state["HostConfig"]["Tmpfs"] or {})
    changed = {change["Path"] for change in running.container.diff() or [] if change["Kind"] != DELETED}
    folders = {path.rpartition("/")[0] for path in changed} | volumes | tmpfs
    return Written(changed - folders, _files_below(running, tmpfs), _files_below(running, volumes))


def _files_below(running: Running, folders: Set[str]) -> set[str]:
    if not folders:
        return set()  # find without a folder would search the working directory
    return set(running.exec("find", *folders, "-type", "f").output.split("\n")) - {""}


def _missing(paths: Set[str]) -> str:
    if not paths:
        return "all of them in your answer"
    return f"{len(paths)} {'is' if len(paths) == 1 else 'are'} not in your answer"


def _names(paths: Iterable[str], most: int = 3) -> str:
    names = sorted(paths)
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
