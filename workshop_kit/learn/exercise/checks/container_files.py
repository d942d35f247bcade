"""Checks of the exercises on layers and files; they compute the answer from the live image or container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from docker.errors import NotFound

from workshop_kit.engine.containers import Running
from workshop_kit.learn.exercise.judging import Context, Judged, check
from workshop_kit.learn.exercise.result import Finding, Verdict
from workshop_kit.observe import layers

KB = 1000


@check("container.layer")
def layer(context: Context) -> Judged:
    """The instruction that brought the bytes nobody can see any more, and how many they are."""
    subject, value = _handed_in(context, "image")
    if subject is None:
        return value
    try:
        files = layers.files(context.stack.session.engine, subject)
    except NotFound:
        return _gone(context, "image")
    hidden = files[~files.visible]
    culprit = hidden.groupby("instruction", sort=False).size_bytes.sum()
    where, size = str(culprit.idxmax()), int(culprit.max())
    said, guessed = str(_part(value, "instruction")), _part(value, "hidden_bytes")
    right = isinstance(guessed, int | float) and abs(guessed - size) < KB
    tried = f"docker save {subject}, read layer by layer"
    return Judged(
        "You found the bytes that every pull downloads and no container can see."
        if said == where and right
        else "Every pull still downloads bytes that no container can see, and you have not named them yet.",
        (
            Finding(
                said == where,
                tried,
                f"you named {said or 'no instruction'}",
                "the instruction whose layer holds a file that no container sees",
                "" if said == where else "What this instruction brought is visible in a container, or weighs nothing.",
                "" if said == where else "A later layer can hide a file; it cannot make the earlier layer lighter.",
            ),
            Finding(
                right,
                tried,
                f"you counted {_bytes(guessed)}",
                "the size of all hidden files, to the kilobyte",
                "" if right else "The image is heavier than what can be seen in it, by another number.",
                "" if right else "Compare the sum of the layers with the sum of what a container of it can see.",
            ),
        ),
    )


@check("container.loss")
def loss(context: Context) -> Judged:
    """The files that are gone once the container is removed: all but those in a volume."""
    subject, value = _handed_in(context, "container")
    if subject is None:
        return value
    session = context.stack.session
    try:
        running = Running(session, session.engine.client.containers.get(subject))
    except NotFound:
        return _gone(context, "container")
    lost, kept = _fate(running)
    said = {str(path) for path in value} if isinstance(value, list | tuple | set) else set()
    missing, too_many = lost - said, said & kept
    invented = said - lost - kept
    return Judged(
        "You know what a removal takes with it, and what stays."
        if not (missing or too_many or invented)
        else "If you removed this container on your word, files would be gone that you did not expect.",
        (
            _listed(not missing, "docker diff, and the tmpfs of the container", missing, "every file that is lost")
            if missing
            else Finding(True, "docker diff, and the tmpfs of the container", f"all {len(lost)} lost files", "all"),
            Finding(
                not too_many,
                "docker inspect: Mounts",
                f"{_names(too_many)} would be kept" if too_many else "no file of a volume",
                "only files that a removal takes away",
                "You mourn a file that a volume keeps." if too_many else "",
                "A volume has a life of its own; where is it mounted?" if too_many else "",
            ),
            Finding(
                not invented,
                "a look at every path you named",
                f"{_names(invented)} is not among its files" if invented else "each is a file of this container",
                "paths of files that this container wrote",
                "Folders and files of the image are not lost: the next container has them again." if invented else "",
            ),
        ),
    )


def _fate(running: Running) -> tuple[set[str], set[str]]:
    """The files that the container wrote: those lost with it, and those that a volume keeps."""
    state = running.inspect()
    volumes = [mount["Destination"] for mount in state["Mounts"] if mount["Type"] == "volume"]
    fleeting = list(state["HostConfig"]["Tmpfs"] or {})
    changed = {change["Path"] for change in running.container.diff() or [] if change["Kind"] != 2}  # 2: deleted
    in_mounts = _files_below(running, [*volumes, *fleeting])
    folders = {path.rpartition("/")[0] for path in changed} | set(volumes) | set(fleeting)
    written = {path for path in changed if path not in folders} | in_mounts
    kept = {path for path in written if any(path.startswith(f"{volume}/") for volume in volumes)}
    return written - kept, kept


def _files_below(running: Running, folders: Iterable[str]) -> set[str]:
    said = running.exec("find", *folders, "-type", "f")
    return set(said.output.split("\n")) - {""}


def _handed_in(context: Context, kind: str) -> tuple[str, Any] | tuple[None, Judged]:
    """The subject's name and the value; (None, what to say) when the notebook's cell has handed over nothing."""
    match context.answer:
        case {"subject": {**names}, "value": value} if kind in names:
            return str(names[kind]), value
    lesson, cell = context.exercise.lesson, context.exercise.title
    sentence = f"Nothing has been handed in yet: run the cell of “{cell}” in {lesson}."
    return None, Judged(sentence, verdict=Verdict.NOT_STARTED)


def _gone(context: Context, kind: str) -> Judged:
    lesson = context.exercise.lesson
    sentence = f"The {kind} that your answer was about is gone with its kernel: run the exercise's cells in {lesson}."
    return Judged(sentence, verdict=Verdict.NOT_STARTED)


def _part(value: Any, key: str) -> Any:
    return value.get(key, "") if isinstance(value, Mapping) else ""


def _bytes(value: Any) -> str:
    return f"{value:,.0f} bytes" if isinstance(value, int | float) else "nothing"


def _names(paths: Iterable[str], most: int = 3) -> str:
    names = sorted(paths)
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def _listed(passed: bool, called: str, missing: set[str], expected: str) -> Finding:
    return Finding(
        passed,
        called,
        f"{len(missing)} of them {'is' if len(missing) == 1 else 'are'} not in your answer",
        expected,
        "Somebody would look for it after the next deploy, in vain.",
        "docker diff shows one of the places; what is mounted into it does not appear there.",
    )
