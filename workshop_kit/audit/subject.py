"""The subject of the rules: one target, its image, its files, and experiments with its clones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from docker.errors import APIError

from workshop_kit.audit.clone_spec import variables
from workshop_kit.audit.experiments import Experiments, once
from workshop_kit.audit.findings import Evidence, Finding, Judgment, Rule, Verdict, cannot_tell
from workshop_kit.audit.targets import Target
from workshop_kit.engine.mounted_files import SECRETS_FOLDER
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.layers import Member, members
from workshop_kit.observe.masking import Mask, secrets_among

SENTENCE_LENGTH = 600
TOO_BUSY = 5.0
MACHINE = "But {busy:.0f} programs waited for each core of this machine: try again when it is less busy."


class Subject:
    """A target as the rules see it. ``files_by_image`` keeps the files of images for several targets of one image."""

    def __init__(
        self,
        session: Session,
        target: Target,
        experiments: Experiments,
        files_by_image: dict[str, list[Member]] | None = None,
    ) -> None:
        self.session = session
        self.target = target
        self.experiments = experiments
        self._files_by_image: dict[str, list[Member]] = {} if files_by_image is None else files_by_image
        self.mask = Mask([*secrets_among(self.image_environment).values(), *secrets_among(self.environment).values()])
        self.mask.learn(*self.read_file_secrets().values())

    @property
    def image_environment(self) -> dict[str, str]:
        """The environment of the image."""
        return variables(self.target.image["Config"])

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the container, or of the image."""
        return variables(self.target.config)

    @once
    def read_history(self) -> list[Mapping[str, Any]]:
        """Read ``docker history`` of the image, oldest step first."""
        return list(reversed(self._image().history()))

    @once
    def read_file_secrets(self) -> dict[str, str]:
        """Read the files in /run/secrets: path to text. They are masked in the report and searched for in the log."""
        found = [one.texts() for one in self.experiments.read_mounted_files() if one.folder == SECRETS_FOLDER]
        return {path: text.strip() for texts in found for path, text in texts.items() if text.strip()}

    def read_files(self) -> list[Member]:
        """Read the files of all layers, once for each image. Raises WorkshopError if the image is too large."""
        image = self.target.image["Id"]
        if image not in self._files_by_image:
            self._files_by_image[image] = members(self._image())
        return self._files_by_image[image]

    def _image(self) -> Any:
        return self.session.engine.client.images.get(self.target.image["Id"])

    def judge(self, rule: Rule, judge: Callable[[Subject], Judgment]) -> Finding:
        """Apply a rule; an error becomes "cannot be told". The finding is not masked yet, see `masked`."""
        started = time.monotonic()
        try:
            judged = judge(self)
        except WorkshopError as unknown:
            judged = cannot_tell(str(unknown), *([Evidence("last lines", unknown.output)] if unknown.output else []))
        except (APIError, OSError) as refused:
            judged = cannot_tell(f"The engine refused a request: {refused}.")
        if rule.timed and judged.verdict is Verdict.FAILS and (busy := how_busy()) > TOO_BUSY:
            judged = cannot_tell(f"{judged.said} {MACHINE.format(busy=busy)}", *judged.evidence)
        return Finding(rule, judged.verdict, judged.said, judged.evidence, time.monotonic() - started)

    def masked(self, finding: Finding) -> Finding:
        """Return the finding without the secrets that the audit has seen so far."""
        evidence = tuple(Evidence(self.mask(one.ran), self.mask(one.saw)) for one in finding.evidence)
        return replace(finding, said=self.mask(finding.said, SENTENCE_LENGTH), evidence=evidence)


def how_busy() -> float:
    """Load average of the last minute divided by the number of cores; above 1.0 programs wait."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)
