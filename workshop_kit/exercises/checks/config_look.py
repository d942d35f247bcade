"""Ask a participant's config.py, in a container of its own, what it makes of environments that we choose."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workshop_kit.exercises import service_trial, trial_settings
from workshop_kit.exercises.checks.config_refusal import LOG_LIMIT_BYTES
from workshop_kit.exercises.check_api import Context, CheckResult
from workshop_kit.exercises.service_image import ServiceImage
from workshop_kit.exercises.start_failure import did_not_start

PROGRAM = "look.py"
INSIDE = Path(__file__).with_name("config_inside.py")
LOOK_SECONDS = 8.0


@dataclass(frozen=True)
class Case:
    """An environment: the service's own with changes, and files that it may name (paths below /tmp)."""

    environ: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of a case: a ``password``, or the ``refused`` variables, or the name of what it ``raised``.

    ``said`` is the error's text; ``texts`` what somebody sees who prints the settings or the error.
    """

    password: str | None = None
    refused: tuple[str, ...] = ()
    raised: str = ""
    said: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.raised:
            return f"{self.raised}, which is no ConfigError"
        return f"refused: {', '.join(self.refused)}" if self.password is None else "accepted"


def look(context: Context, image: ServiceImage, cases: Sequence[Case]) -> list[Outcome] | CheckResult:
    """Return what the participant's config.py makes of each case, or what there is to say if it could not be asked."""
    seen = told(context, image, INSIDE, json.dumps([vars(case) for case in cases]))
    if isinstance(seen, CheckResult):
        return seen
    rows = seen if isinstance(seen, list) else []
    return [_outcome(row) for row in [*rows, *[None] * len(cases)][: len(cases)]]


def told(context: Context, image: ServiceImage, program: Path, *arguments: str) -> Any | CheckResult:
    """Run a program of ours beside files of theirs, and return what it tells: JSON behind a word that we made up.

    What there is to say if it did not get so far: a module that cannot be imported, or that ends everything.
    """
    word = f"told-{secrets.token_hex(8)}:"
    with service_trial.beside_stack(
        context,
        image,
        environment={"PYTHONPATH": trial_settings.APP},
        files={PROGRAM: program.read_text()},
        entrypoint=("python", f"{service_trial.GIVEN}/{PROGRAM}"),
        command=(word, *arguments),
    ) as tried:
        tried.wait_ended(LOOK_SECONDS)
        lines = tried.lines(LOG_LIMIT_BYTES).split("\n")
        line = next((one.removeprefix(word) for one in lines if one.startswith(word)), "")
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            return did_not_start(tried)


def _outcome(row: Any) -> Outcome:
    """An outcome from what was told, which the module may have tampered with."""
    told = row if isinstance(row, dict) else {"raised": "nothing was told"}
    password, refused, texts = told.get("password"), told.get("refused"), told.get("texts")
    return Outcome(
        password=None if password is None else str(password),
        refused=tuple(map(str, refused)) if isinstance(refused, list) else (),
        raised=str(told.get("raised", "")),
        said=str(told.get("said", "")),
        texts={str(name): str(text) for name, text in texts.items()} if isinstance(texts, dict) else {},
    )
