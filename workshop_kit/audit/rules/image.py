"""How the image was built and named, what lies in its layers, and what runs in it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from docker.errors import APIError, ImageNotFound

from workshop_kit.audit.data import Evidence, Judged, cannot_tell, fails, holds, not_applicable
from workshop_kit.audit.rules.secrets import READ, names_of, shown
from workshop_kit.audit.subject import Subject

OCI = "org.opencontainers.image."
FEWEST_LABELS = 2
WASTE_BYTES = 20 * 1024**2
WASTE_SHARE = 0.05
_INITS = re.compile(r"(docker-init|tini|dumb-init|catatonit|s6-svscan|s6-supervise|sh|bash|dash|ash|busybox|env)$")
_CONTENT_TAG = re.compile(r"([0-9a-f]{7,64}|.*[.-]g?[0-9a-f]{7,40})$")
_COMPILER = re.compile(
    r"(^|/)bin/((x86_64|aarch64)-[\w-]+-)?(gcc|g\+\+|cc1?|clang|cpp|rustc|cargo|javac|tcc)(-[\d.]+)?$|^usr/local/go/bin/go$"
)
_CACHE = re.compile(
    r"^(var/lib/apt/lists/.+_(Packages|Sources|Release|InRelease)|var/cache/(apt/archives/.+\.deb|dnf|yum|apk)/?"
    r"|root/\.cache/|home/[^/]+/\.(cache|npm)/|root/\.npm/)"
)


def no_compiler(subject: Subject) -> Judged:
    """Compilers that a container sees, by their names in a folder of programs."""
    found = [one for one in subject.files if one.visible and one.size_bytes and _COMPILER.search(one.path)]
    if found:
        return fails(f"A compiler is in it: {names_of(found)}.", *shown(found))
    return holds("None is in it.", Evidence(READ, f"{len(subject.files)} files"))


def little_waste(subject: Subject) -> Judged:
    """Bytes that no container sees (deleted or replaced by a later layer) and caches of package managers."""
    hidden = [one for one in subject.files if not one.visible]
    caches = [one for one in subject.files if one.visible and _CACHE.search(one.path)]
    waste = sorted([*hidden, *caches], key=lambda one: one.size_bytes, reverse=True)
    total = sum(one.size_bytes for one in subject.files)
    wasted = sum(one.size_bytes for one in waste)
    said = f"{wasted / 1e6:.1f} of {total / 1e6:.1f} MB are waste."
    if wasted > max(WASTE_BYTES, WASTE_SHARE * total):
        return fails(said, *shown(waste))
    return holds(said, Evidence(READ, f"{len(hidden)} files hidden by later layers, {len(caches)} of caches"))


def labels(subject: Subject) -> Judged:
    """Labels of the OCI image specification (annotations.md), two of them at least, that its base has not."""
    config = subject.target.image["Config"].get("Labels") or {}
    given = {
        key.removeprefix(OCI): str(value) for key, value in config.items() if key.startswith(OCI) and value.strip()
    }
    inherited = {key.removeprefix(OCI) for key in _inherited(subject)} if given else set()
    own = sorted(set(given) - inherited)
    told = ", ".join(f"{name}={given[name]}{' (of its base)' if name in inherited else ''}" for name in sorted(given))
    seen = Evidence("docker image inspect: Config.Labels, docker history", told or "none")
    if len(own) >= FEWEST_LABELS:
        return holds(f"It says {', '.join(own)}.", seen)
    return fails(f"It has {len(own)} labels of its own that say what an image is.", seen)


def _inherited(subject: Subject) -> set[str]:
    """The labels that come from its base, as far as the images here and the history tell.

    A base ends with the last CMD or ENTRYPOINT before a step that brings files: one's own stands at the end.
    """
    image = subject.target.image
    mine = image["Config"].get("Labels") or {}
    found = {key for base in _bases(subject) for key, value in (base.labels or {}).items() if mine.get(key) == value}
    steps = [str(step.get("CreatedBy") or "") for step in subject.history]
    sizes = [int(step.get("Size") or 0) for step in subject.history]
    ends = [
        number
        for number, step in enumerate(steps)
        if re.match(r"(/bin/sh -c #\(nop\) +)?(CMD|ENTRYPOINT)\b", step) and any(sizes[number:])
    ]
    theirs, own = "\n".join(steps[: ends[-1]] if ends else []), "\n".join(steps[ends[-1] :] if ends else [])
    return found | {key for key in mine if f"{key}=" in theirs and f"{key}=" not in own}


def _bases(subject: Subject) -> Iterator[Any]:
    """The images of this engine whose layers this one begins with; not earlier builds of the same name."""
    client, layers = subject.session.engine.client, subject.target.image["RootFS"].get("Layers") or []
    names = {tag.rpartition(":")[0] for tag in subject.target.image.get("RepoTags") or ()}
    for told in client.api.images():
        others = {tag.rpartition(":")[0] for tag in told.get("RepoTags") or ()} - {"<none>"}
        if others and not others & names:
            with contextlib.suppress(ImageNotFound):  # it was removed meanwhile
                theirs = (base := client.images.get(told["Id"])).attrs["RootFS"].get("Layers") or []
                if 0 < len(theirs) < len(layers) and layers[: len(theirs)] == theirs:
                    yield base


def pinned(subject: Subject) -> Judged:
    """A digest is one image for ever; a tag is what its owner says today."""
    target = subject.target
    reference = str(target.container["Config"]["Image"] if target.container else target.name)
    seen = Evidence("the name it is run by", reference)
    if "@sha256:" in reference:
        return holds("It is named by its digest.", seen)
    if re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", reference):
        return not_applicable("It is named by the engine's id, which only this engine knows.", seen)
    tag = reference.rpartition("/")[2].partition(":")[2]
    if tag in {"", "latest"}:
        return fails("Its tag is latest, which says nothing about what is in it.", seen)
    if _moved(subject, reference):
        return fails(f"The tag {tag} means another image by now than the one that runs.", seen)
    if _CONTENT_TAG.fullmatch(tag):
        return holds(f"The tag {tag} looks like one that is made from content or revision.", seen)
    return cannot_tell(f"Whether the tag {tag} is ever moved is up to who owns it.", seen)


def _moved(subject: Subject, reference: str) -> bool:
    with contextlib.suppress(APIError):
        return bool(subject.session.engine.client.images.get(reference).id != subject.target.image["Id"])
    return False


def single_concern(subject: Subject) -> Judged:
    """The programs that run once it is ready; inits, shells around a program and copies of one do not count."""
    run = subject.runs.ready_run()
    names = sorted(set(run.programs))
    counted = [name for name in names if not _INITS.search(name)] or names[:1]
    seen = Evidence("docker top, once it was ready", ", ".join(run.programs) or "nothing")
    if not run.programs:
        return cannot_tell("It had ended before its processes could be seen.", seen)
    if len(counted) > 1:
        return fails(f"{len(counted)} programs run in it: {', '.join(counted)}.", seen)
    return holds(f"{counted[0]} runs in it.", seen)


def self_contained(subject: Subject) -> Judged:
    """Ready on a network that leads nowhere is proof; not being ready has many reasons."""
    run = subject.runs.normal
    seen = Evidence("run on an internal network", run.started.summary)
    if run.started.ready:
        return holds("It got ready without it.", seen)
    return cannot_tell("It did not get ready, which may have other reasons.", seen)
