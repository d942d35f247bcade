"""The subject of the rules: one target, its image, its files, and experiments with its clones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from docker.errors import APIError

from workshop_kit.audit.experiments import Experiments, once
from workshop_kit.audit.findings import Evidence, Judgment, Rule, RuleFinding, RuleVerdict, cannot_tell
from workshop_kit.audit.targets import Target
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import SECRETS_FOLDER
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.layers import Member, members
from workshop_kit.observe.masking import Mask, secrets_among

SENTENCE_LENGTH = 600
TOO_BUSY = 5.0
MACHINE = "But {busy:.0f} programs waited for each core of this machine: try again when it is less busy."


class Subject:
    """A target as the rules see it; clones of ``backing`` run beside its clones."""

    def __init__(self, session: Session, target: Target, backing: Sequence[Target] = ()) -> None:
        self.session = session
        self.target = target
        self.experiments = Experiments(session, target, backing)
        self.mask = Mask(secrets_among(target.image_environment).values())
        self.mask.learn(*secrets_among(target.environment).values(), *self.read_file_secrets().values())

    @once
    def read_history(self) -> list[Mapping[str, Any]]:
        """Read ``docker history`` of the image, oldest step first."""
        return list(reversed(self._image().history()))

    @once
    def read_file_secrets(self) -> dict[str, str]:
        """Read the files in /run/secrets: path to text. They are masked in the report and searched for in the log."""
        found = [one.texts() for one in self.experiments.read_mounted_files() if one.folder == SECRETS_FOLDER]
        return {path: text.strip() for texts in found for path, text in texts.items() if text.strip()}

    @once
    def read_files(self) -> list[Member]:
        """Read the files of all layers. Raises WorkshopError if the image is too large."""
        return members(self._image())

    def _image(self) -> Any:
        return self.session.engine.client.images.get(self.target.image["Id"])

    def judge(self, rule: Rule, judge: Callable[[Subject], Judgment]) -> RuleFinding:
        """Apply a rule; an error becomes "cannot be told". The finding is not masked yet, see `masked`."""
        started = time.monotonic()
        try:
            judged = judge(self)
        except WorkshopError as unknown:
            judged = cannot_tell(str(unknown), *([Evidence("last lines", unknown.output)] if unknown.output else []))
        except (APIError, OSError) as refused:
            judged = cannot_tell(f"The engine refused a request: {refused}.")
        if rule.timed and judged.verdict is RuleVerdict.FAILS and (busy := how_busy()) > TOO_BUSY:
            judged = cannot_tell(f"{judged.said} {MACHINE.format(busy=busy)}", *judged.evidence)
        return RuleFinding(rule, judged.verdict, judged.said, judged.evidence, time.monotonic() - started)

    def masked(self, finding: RuleFinding) -> RuleFinding:
        """Return the finding without the secrets that the audit has seen so far."""
        evidence = tuple(Evidence(self.mask(one.ran), self.mask(one.saw)) for one in finding.evidence)
        return replace(finding, said=self.mask(finding.said, SENTENCE_LENGTH), evidence=evidence)


def how_busy() -> float:
    """Return the load average of the last minute divided by the number of cores; above 1.0 programs wait."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)
