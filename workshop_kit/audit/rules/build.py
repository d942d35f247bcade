"""How the image was built and named, and what runs in it."""

from __future__ import annotations

import re

from docker.errors import APIError

from workshop_kit.audit.data import Evidence, Judged, cannot_tell, fails, holds, not_applicable
from workshop_kit.audit.subject import Subject

OCI = "org.opencontainers.image."
FEWEST_LABELS = 2
_INITS = re.compile(r"(docker-init|tini|dumb-init|catatonit|s6-svscan|s6-supervise|sh|bash|dash|ash|busybox|env)$")
_CONTENT_TAG = re.compile(r"([0-9a-f]{7,64}|.*[.-]g?[0-9a-f]{7,40})$")


def labels(subject: Subject) -> Judged:
    """Labels of the OCI image specification (annotations.md), two of them at least."""
    given = {
        key: value for key, value in (subject.target.image["Config"].get("Labels") or {}).items() if key.startswith(OCI)
    }
    filled = sorted(key.removeprefix(OCI) for key, value in given.items() if value.strip())
    seen = Evidence(
        "docker image inspect: Config.Labels", ", ".join(f"{name}={given[OCI + name]}" for name in filled) or "none"
    )
    if len(filled) >= FEWEST_LABELS:
        return holds(f"It says {', '.join(filled)}.", seen)
    return fails(f"It has {len(filled)} of the labels that say what an image is.", seen)


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


def single_concern(subject: Subject) -> Judged:
    """The programs that run once it is ready; inits, shells around a program and copies of one do not count."""
    run = subject.need_looks().ready_run()
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
    run = subject.need_runs().normal
    seen = Evidence("run on an internal network", run.summary)
    return (
        holds("It got ready without it.", seen)
        if run.is_ready
        else cannot_tell("It did not get ready, which may have other reasons.", seen)
    )


def _moved(subject: Subject, reference: str) -> bool:
    try:
        found = subject.session.engine.client.images.get(reference)
    except APIError:
        return False
    return bool(found.id != subject.target.image["Id"])
