"""Run the real ``jq`` in a container over the lines of a log."""

from __future__ import annotations

from dataclasses import dataclass

from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotInTime
from workshop_kit.patience import patient

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 1024 * 1024
"""The limit of the output: a program that never ends is stopped there."""
LOG = {"Type": "json-file", "Config": {"max-size": "100m", "max-file": "1"}}
"""The log has room for the largest output, and a limit, so that a program's endless messages do not fill the disk."""
LATE = 124
"""The exit code of ``timeout`` for a program that it has ended."""
STARTING_SECONDS = 30.0
SCRIPT = 'set -o pipefail; timeout "$1" jq "${@:2}" </input/lines | head -c "$0"'
"""Runs jq: ``$0`` is the limit of the output in bytes, ``$1`` that of the time in seconds, then come jq's arguments."""


@dataclass(frozen=True)
class JqOutput:
    """jq's output and exit code: 0 success, 2 wrong usage or input, 3 a mistake in the program, 5 an error in its run.

    ``cut``: there was more output than the limit, and jq was stopped.
    """

    output: str
    error: str
    exit_code: int
    cut: bool = False


def jq(session: Session, image: str, program: str, data: bytes, *options: str) -> JqOutput:
    """Run ``jq OPTIONS PROGRAM`` with ``data`` as its stdin, without network.

    ``image`` contains jq (the collector's does). A mistake in the program raises nothing: jq's message and exit code
    are in the answer. Raises NotInTime if it takes too long, and WorkshopError if there is no such image.
    """
    limit_seconds = patient(TIMEOUT_SECONDS)
    spec = Spec(
        image,
        entrypoint=("bash", "-c", SCRIPT, str(MAX_BYTES + 1), str(limit_seconds)),
        command=(*options, "--", program),
        network="none",
        volumes=("/input",),
        files={"/input/lines": data},
        user="65534:65534",
        healthcheck={"Test": ["NONE"]},
        more={"log_config": LOG},
    )
    with containers.run(session, spec) as running:
        exit_code = running.wait_ended(within_seconds=limit_seconds + STARTING_SECONDS)
        output = running.container.logs(stdout=True, stderr=False)
        error = running.container.logs(stdout=False, stderr=True)

    if exit_code == LATE:
        raise NotInTime(f"jq was stopped: it took more than {limit_seconds:.0f} s.", "Give it less, or ask for less.")
    output_text = output[:MAX_BYTES].decode(errors="replace")
    error_text = error[:MAX_BYTES].decode(errors="replace")
    return JqOutput(output_text, error_text, exit_code, cut=len(output) > MAX_BYTES)
