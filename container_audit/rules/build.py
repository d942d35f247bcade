"""Rules on the image: its layers, labels and tag, and the programs that run in it."""

from __future__ import annotations

import contextlib
import re

from docker.errors import APIError

from container_audit.findings import Evidence, Judgment, cannot_tell, fails, holds, not_applicable
from container_audit.processes import programs
from container_audit.rules.config import READ, file_evidence, file_names
from container_audit.subject import Subject
from workshop_kit.engine.recipes import OCI
from workshop_kit.observe.layers import Member

FEWEST_LABELS = 2
WASTE_BYTES = 20 * 1024**2
WASTE_SHARE = 0.05
_COMMAND = re.compile(r"(/bin/sh -c #\(nop\) +)?(CMD|ENTRYPOINT)\b")
_CONTENT_TAG = re.compile(r"([0-9a-f]{7,64}|.*[.-]g?[0-9a-f]{7,40})$")
_COMPILER = re.compile(
    r"(^|/)bin/((x86_64|aarch64)-[\w-]+-)?(gcc|g\+\+|cc1?|clang|cpp|rustc|cargo|javac|tcc)(-[\d.]+)?$|^usr/local/go/bin/go$"
)
_CACHE = re.compile(
    r"^(var/lib/apt/lists/.+_(Packages|Sources|Release|InRelease)(\.\w+)?$"
    r"|var/cache/(apt/([^/]+\.bin$|archives/.+\.deb$)|(dnf|libdnf5|yum|apk)/)"
    r"|root/\.cache/|home/[^/]+/\.(cache|npm)/|root/\.npm/)"
)
"""Files of package managers; apt's lists are compressed in Debian's images."""


def no_compiler(subject: Subject) -> Judgment:
    """Hold if no ``bin`` folder that a container sees has a program with the name of a compiler."""
    files = subject.read_files()
    compilers = [file for file in files if _is_compiler(file)]
    if compilers:
        return fails(f"A compiler is in it: {file_names(compilers)}.", *file_evidence(compilers))
    return holds("None is in it.", Evidence(READ, f"{len(files)} files"))


def _is_compiler(file: Member) -> bool:
    if not file.visible or file.size_bytes == 0:
        return False
    return bool(_COMPILER.search(file.path))


def little_waste(subject: Subject) -> Judgment:
    """Hold if files that a later layer hides, and caches of package managers, are small in sum."""
    files = subject.read_files()
    hidden = [file for file in files if not file.visible]
    visible = [file for file in files if file.visible]
    caches = [file for file in visible if _CACHE.search(file.path)]

    waste = sorted([*hidden, *caches], key=lambda file: file.size_bytes, reverse=True)
    total_bytes = sum(file.size_bytes for file in files)
    waste_bytes = sum(file.size_bytes for file in waste)
    sentence = f"{waste_bytes / 1e6:.1f} of {total_bytes / 1e6:.1f} MB are waste."
    if waste_bytes > max(WASTE_BYTES, WASTE_SHARE * total_bytes):
        return fails(sentence, *file_evidence(waste))
    return holds(sentence, Evidence(READ, f"{len(hidden)} files hidden by later layers, {len(caches)} of caches"))


def labels(subject: Subject) -> Judgment:
    """Hold if it has two labels of the OCI image specification (annotations.md) that its base does not have."""
    all_labels = subject.target.image["Config"].get("Labels") or {}
    standard_labels = {key.removeprefix(OCI): value for key, value in all_labels.items() if key.startswith(OCI)}
    filled_labels = {name: str(value) for name, value in standard_labels.items() if value.strip()}
    inherited_names: set[str] = set()
    if filled_labels:
        inherited_names = {key.removeprefix(OCI) for key in _inherited_labels(subject)}
    own_names = sorted(set(filled_labels) - inherited_names)

    parts = []
    for name, value in sorted(filled_labels.items()):
        origin = " (of its base)" if name in inherited_names else ""
        parts.append(f"{name}={value}{origin}")
    evidence = Evidence("docker image inspect: Config.Labels, docker history", ", ".join(parts) or "none")

    if len(own_names) >= FEWEST_LABELS:
        return holds(f"It says {', '.join(own_names)}.", evidence)
    return fails(f"It has {len(own_names)} labels of its own that say what an image is.", evidence)


def _inherited_labels(subject: Subject) -> set[str]:
    """Return the keys of the labels that it has from its base.

    They are set in the base's steps of the history. ``docker build --label`` leaves no trace there: such a label is
    looked up on the images of the engine.
    """
    labels = subject.target.image["Config"].get("Labels") or {}
    base_steps, own_steps = _split_history(subject)
    keys_in_base = {key for key in labels if f"{key}=" in base_steps}
    keys_in_own_steps = {key for key in labels if f"{key}=" in own_steps}

    standard_keys = {key for key in labels if key.startswith(OCI)}
    keys_without_step = standard_keys - keys_in_base - keys_in_own_steps
    keys_of_base_images = {key for key in keys_without_step if _has_base_with(subject, f"{key}={labels[key]}")}
    return (keys_in_base - keys_in_own_steps) | keys_of_base_images


def _split_history(subject: Subject) -> tuple[str, str]:
    """Return the commands of the base and the commands of the image's own steps, each joined to one text.

    The base ends with the last CMD or ENTRYPOINT before a step that adds files.
    """
    history = subject.read_history()
    commands = [str(step.get("CreatedBy") or "") for step in history]
    sizes = [int(step.get("Size") or 0) for step in history]

    end = 0
    for number, command in enumerate(commands):
        if _COMMAND.match(command) and any(sizes[number:]):
            end = number

    return "\n".join(commands[:end]), "\n".join(commands[end:])


def _has_base_with(subject: Subject, label: str) -> bool:
    """Return whether the engine has an image with this label whose layers are the first ones of the target."""
    layers = subject.target.image["RootFS"]["Layers"]
    images = subject.session.engine.client.images.list(filters={"label": label})
    for image in images:
        image_layers = image.attrs["RootFS"]["Layers"]
        if len(image_layers) < len(layers) and layers[: len(image_layers)] == image_layers:
            return True
    return False


def pinned(subject: Subject) -> Judgment:
    """Hold for a digest or a tag made from content; fail for ``latest`` and for a tag that has moved."""
    target = subject.target
    reference = str(target.container["Config"]["Image"] if target.container else target.name)
    evidence = Evidence("the name it is run by", reference)
    if "@sha256:" in reference:
        return holds("It is named by its digest.", evidence)
    if re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", reference):
        return not_applicable("It is named by the engine's id, which only this engine knows.", evidence)

    _, _, name_and_tag = reference.rpartition("/")
    _, _, tag = name_and_tag.partition(":")
    if tag in {"", "latest"}:
        return fails("Its tag is latest, which can mean any version.", evidence)
    if _has_moved(subject, reference):
        return fails(f"The tag {tag} now means another image than the one that runs.", evidence)
    if _CONTENT_TAG.fullmatch(tag):
        return holds(f"The tag {tag} looks like one that is made from content or revision.", evidence)
    return cannot_tell(f"The owner of the tag {tag} may move it.", evidence)


def _has_moved(subject: Subject, reference: str) -> bool:
    """Return whether the engine now has another image by this name than the target's."""
    with contextlib.suppress(APIError):
        image = subject.session.engine.client.images.get(reference)
        return bool(image.id != subject.target.image["Id"])
    return False


def single_concern(subject: Subject) -> Judgment:
    """Hold if a ready clone runs one program, not counting its launchers, workers and copies."""
    run = subject.require_ready_run()
    running_programs = programs(run.processes)
    labels_of_processes = ", ".join(process.label for process in run.processes)
    evidence = Evidence("docker top, once it was ready", labels_of_processes or "nothing")

    if not running_programs:
        return cannot_tell("It had ended before its processes could be seen.", evidence)
    if len(running_programs) > 1:
        names = ", ".join(sorted(program.label for program in running_programs))
        return fails(f"{len(running_programs)} programs run in it: {names}.", evidence)
    return holds(f"{running_programs[0].label} runs in it.", evidence)


def self_contained(subject: Subject) -> Judgment:
    """Hold if it gets ready on a network without other hosts; otherwise the reason is unknown."""
    run = subject.run_normal()
    evidence = Evidence("run on an internal network", run.start.summary)
    if run.start.ready:
        return holds("It got ready without the internet.", evidence)
    return cannot_tell("It did not get ready, which may have another reason.", evidence)
