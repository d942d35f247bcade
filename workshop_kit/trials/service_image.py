"""Build the image of a participant's service for a check, and remove it."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from docker.errors import ImageNotFound

from workshop_kit.engine import recipes, shell
from workshop_kit.engine.recipes import PYTHON_ALIAS, REPOSITORY
from workshop_kit.patience import wait_for
from workshop_kit.trials.build_failure import build_finding, endless_build
from workshop_kit.trials.check_api import CheckEnded, Context
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import LOOK_SECONDS

BUILD_SECONDS = 60.0


@contextlib.contextmanager
def build(context: Context, folder: Path | None = None, base: str | None = None) -> Iterator[str]:
    """Build an image and yield its tag; remove the image at the end.

    ``folder`` is the participant's unless given, and ``base`` the workshop's Python image. The builder is ended at the
    deadline, and as soon as a newer check has begun. Raises CheckEnded if no image can be built.
    """
    context.report_step("building your image")
    session = context.stack.session
    base = base or recipes.tags(context.stack.root)["python"]
    tag = f"{REPOSITORY}/check:{secrets.token_hex(8)}"

    build_command = session.engine.dialect.build_command(tag, session.image_labels("kernel"))
    base_option = f"--build-context={PYTHON_ALIAS}=docker-image://{base}"
    try:
        _run_builder([*build_command, base_option, str(folder or context.folder)], context)
        yield tag
    finally:
        with contextlib.suppress(ImageNotFound):
            session.engine.client.images.remove(tag, force=True)


def _run_builder(command: list[str], context: Context) -> None:
    """Run the builder until it has ended. Raises CheckEnded if it failed.

    The builder is ended when its time is up, or once a newer check has begun.
    """
    began = time.monotonic()
    with shell.running(command) as builder:

        def read_output() -> str | None:
            try:
                return builder.communicate(timeout=LOOK_SECONDS)[0]
            except subprocess.TimeoutExpired:
                return None

        def is_over(output: str | None) -> bool:
            return output is not None or context.superseded.is_set()

        output = wait_for(read_output, BUILD_SECONDS, until=is_over, pause_seconds=0)
        is_late = not is_over(output)
        while output is None:
            builder.terminate()  # that ends the build in the engine, too; a builder that just begins may not hear it
            output = read_output()

    if builder.returncode == 0:
        return
    if is_late:
        seconds = time.monotonic() - began
        context.waits.add("the builder was not done", seconds)
        raise _not_built(endless_build(output, seconds))
    raise _not_built(build_finding(output))


def _not_built(finding: Finding) -> CheckEnded:
    """Return the error for an image that was not built, and why."""
    return CheckEnded(Result.did_not_start(finding.means, finding))
