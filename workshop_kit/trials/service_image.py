"""Build the image of a participant's service for a check, and remove it."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from docker.errors import ImageNotFound

from workshop_kit.engine import images, recipes, shell
from workshop_kit.engine.recipes import PYTHON_ALIAS, REPOSITORY
from workshop_kit.engine.session import Session
from workshop_kit.patience import patient
from workshop_kit.trials.build_failure import build_finding, ended_build, endless_build, outside_finding
from workshop_kit.trials.check_api import CheckEnded, Context
from workshop_kit.trials.dockerfile_sources import outside_source
from workshop_kit.trials.image_builds import FailedBuild
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import LOOK_SECONDS

BUILD_SECONDS = 60.0


@contextlib.contextmanager
def build(context: Context, folder: Path | None = None, base: str | None = None) -> Iterator[str]:
    """Build an image and yield its tag.

    ``folder`` is the participant's unless given, and ``base`` the workshop's Python image. The image is removed at the
    end, unless the context's builds keep it. The builder is ended at the deadline, and as soon as a newer check has
    begun. Raises CheckEnded if no image can be built.
    """
    base = base or recipes.tags(context.stack.root)["python"]
    folder = folder or context.folder
    builds = context.builds
    key = builds.key(folder, base)

    failed_build = builds.failures.get(key)
    if failed_build:
        context.waits.ended.extend(failed_build.waits)
        raise CheckEnded(failed_build.result)

    kept_tag = builds.tags.get(key)
    if kept_tag:
        yield kept_tag
        return

    tag = f"{REPOSITORY}/check:{secrets.token_hex(8)}"
    is_kept = False
    try:
        _build_image(context, tag, folder, base, key)
        if builds.keeps_images:
            builds.tags[key] = tag
            is_kept = True
        yield tag
    finally:
        if not is_kept:
            remove_image(context.stack.session, tag)


def _build_image(context: Context, tag: str, folder: Path, base: str, key: str) -> None:
    """Build an image; with a ``key`` a failure is kept under it. Raises CheckEnded if it cannot be built."""
    context.report_step("building your image")
    session = context.stack.session
    builds = context.builds
    if context.stack.is_closed:
        source = outside_source(folder)
        if source:
            raise _not_built(outside_finding(source))

    build_command = images.build_command(session.engine, tag, session.labels("kernel"))
    base_option = f"--build-context={PYTHON_ALIAS}=docker-image://{base}"
    command = [*build_command, *builds.options, base_option, str(folder)]
    waits_before = len(context.waits.ended)
    try:
        _run_builder(command, context)
    except CheckEnded as ended:
        if key and not context.superseded.is_set():
            waits = tuple(context.waits.ended[waits_before:])
            builds.failures[key] = FailedBuild(ended.result, waits)
        raise


def remove_image(session: Session, tag: str) -> None:
    """Remove the image of a check, if it exists."""
    with contextlib.suppress(ImageNotFound):
        session.engine.client.images.remove(tag, force=True)


def _run_builder(command: list[str], context: Context) -> None:
    """Run the builder until it has ended. Raises CheckEnded if it failed.

    The builder is ended when its time is up, when the guard of the context's builds has a reason, or once a newer check
    has begun.
    """
    began = time.monotonic()
    is_late = False
    guard_reason = ""
    guard = context.builds.new_guard()
    with shell.running(command) as builder:
        output = None
        while output is None:
            try:
                output, _ = builder.communicate(timeout=LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                is_late = is_late or time.monotonic() - began > patient(BUILD_SECONDS)
                guard_reason = guard_reason or guard()
                if is_late or guard_reason or context.superseded.is_set():
                    builder.terminate()  # that ends the build in the engine, too

    if builder.returncode == 0:
        return
    if guard_reason:
        raise _not_built(ended_build(output, guard_reason))
    if is_late:
        seconds = time.monotonic() - began
        context.waits.add("the builder was not done", seconds)
        raise _not_built(endless_build(output, seconds))
    raise _not_built(build_finding(output))


def _not_built(finding: Finding) -> CheckEnded:
    """Return the error for an image that was not built, and why."""
    return CheckEnded(Result.did_not_start(finding.means, finding))
