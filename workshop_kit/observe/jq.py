"""Run the real ``jq`` in a container over the lines of a log."""

from __future__ import annotations

from dataclasses import dataclass

from workshop_kit.engine import containers
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 8 * 1024 * 1024
INPUT = "/input/lines"
LOG = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "32m"}}}  # bounds a program without end


@dataclass(frozen=True)
class Answer:
    """jq's output and exit code: 0 good, 2 wrong usage or input, 3 a mistake in the program, 5 it failed.

    ``cut``: there was more output than the limit.
    """

    output: str
    error: str
    exit_code: int
    cut: bool = False


def jq(
    session: Session, image: str, program: str, data: bytes, *options: str, timeout_seconds: float = TIMEOUT_SECONDS
) -> Answer:
    """Run ``jq OPTIONS PROGRAM`` over ``data``, without network.

    ``image`` contains jq (the collector's does). A mistake in the program raises nothing: jq's message and exit code
    are in the answer. Raises WorkshopError if it takes too long, and if there is no such image.
    """
    spec = Spec(
        image,
        entrypoint=("jq",),
        command=(*options, "--", program, INPUT),
        network="none",
        volumes=("/input",),
        files={INPUT: data.decode(errors="replace")},
        user="65534:65534",
        healthcheck={"Test": ["NONE"]},
        host=LOG,
    )
    with containers.run(session, spec) as running:
        ended = running.wait_ended(within_seconds=timeout_seconds)
        output, error = (running.container.logs(stdout=one, stderr=not one) for one in (True, False))
    text = output[:MAX_BYTES].decode(errors="replace")
    return Answer(text, error[:MAX_BYTES].decode(errors="replace"), ended.code, len(output) > MAX_BYTES)
