"""What rules look at: one target, its image, its files and (for dynamic rules) the runs of its clones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from docker.errors import APIError

from workshop_kit.audit.data import Evidence, Finding, Judged, Rule, Verdict, cannot_tell
from workshop_kit.audit.experiments import Runs, variables
from workshop_kit.audit.targets import Target
from workshop_kit.engine.mounted_files import SECRETS_FOLDER
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.layers import Member, members
from workshop_kit.observe.masking import Mask, secrets_among
from workshop_kit.shared_property import shared_property

SENTENCE_LENGTH = 600
TOO_BUSY = 5.0
MACHINE = "But {busy:.0f} programs wanted each core of this machine: try again when it is calmer."


class Subject:
    """A target in the hands of the rules. ``runs`` is what clones of it did, none before a rule asks.

    ``read`` keeps the files of images by their ids, for several targets of one image.
    """

    def __init__(
        self, session: Session, target: Target, runs: Runs, read: dict[str, list[Member]] | None = None
    ) -> None:
        self.session = session
        self.target = target
        self.runs = runs
        self._read: dict[str, list[Member]] = {} if read is None else read
        self.mask = Mask([*secrets_among(self.image_environment).values(), *secrets_among(self.environment).values()])
        self.mask.learn(*self.file_secrets.values())

    @property
    def image_environment(self) -> dict[str, str]:
        """The environment that the image brings."""
        return variables(self.target.image["Config"])

    @property
    def environment(self) -> dict[str, str]:
        """The environment it runs with: of a container its own, else the image's."""
        return variables(self.target.config)

    @shared_property
    def history(self) -> list[Mapping[str, Any]]:
        """The image's history as the engine tells it, oldest first."""
        return list(reversed(self._image.history()))

    @shared_property
    def file_secrets(self) -> dict[str, str]:
        """What the files in /run/secrets hold, by path: read so that it can be masked, and hunted for in the log."""
        found = [one.texts() for one in self.runs.mounted if one.folder == SECRETS_FOLDER]
        return {path: text.strip() for texts in found for path, text in texts.items() if text.strip()}

    @property
    def files(self) -> list[Member]:
        """Every file of every layer, read once for all who share an image. Raises WorkshopError if it is too much."""
        image = self.target.image["Id"]
        if image not in self._read:
            self._read[image] = members(self._image)
        return self._read[image]

    @property
    def _image(self) -> Any:
        return self.session.engine.client.images.get(self.target.image["Id"])

    def judge(self, rule: Rule, judge: Callable[[Subject], Judged]) -> Finding:
        """Apply a rule. What it says comes back as it is (see `masked`); what it cannot find out is no verdict."""
        started = time.monotonic()
        try:
            judged = judge(self)
        except WorkshopError as unknown:
            judged = cannot_tell(str(unknown), *([Evidence("last lines", unknown.output)] if unknown.output else []))
        except (APIError, OSError) as refused:
            judged = cannot_tell(f"The engine did not let it be found out: {refused}.")
        if rule.timed and judged.verdict is Verdict.FAILS and (busy := how_busy()) > TOO_BUSY:
            judged = cannot_tell(f"{judged.said} {MACHINE.format(busy=busy)}", *judged.evidence)
        return Finding(rule, judged.verdict, judged.said, judged.evidence, time.monotonic() - started)

    def masked(self, finding: Finding) -> Finding:
        """The same, fit to be shown: without the secrets that were met until now."""
        evidence = tuple(Evidence(self.mask(one.ran), self.mask(one.saw)) for one in finding.evidence)
        return replace(finding, said=self.mask(finding.said, SENTENCE_LENGTH), evidence=evidence)


def how_busy() -> float:
    """Programs that want to run for each core of this machine, over the last minute; 1.0 is busy, and no more."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)
