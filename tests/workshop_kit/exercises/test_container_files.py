"""container.layer and container.loss: each of the likeliest wrong answers gets a finding of its own."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from workshop_kit.exercises.checks.container_files import Written, judge_layer, judge_loss
from workshop_kit.exercises.check_api import CheckResult
from workshop_kit.exercises.result import Verdict

FILES = pd.DataFrame(
    [
        (0, "COPY base /", "usr/bin/service", 2_000_000, True),
        (1, "COPY stock.dump /srv/import/", "srv/import/stock.dump", 7_000_000, False),
        (2, "RUN import /srv/import/stock.dump", "srv/data/stock.db", 1_000_000, True),
    ],
    columns=["layer", "instruction", "path", "size_bytes", "visible"],
)
COPY = "COPY stock.dump /srv/import/"
WRITTEN = Written({"/srv/stock.csv", "/var/log/orders.log"}, {"/tmp/reports.cache"}, {"/data/invoices.db"})
LOST = [*WRITTEN.layer, *WRITTEN.tmpfs]


def failed(judged: CheckResult) -> list[str]:
    """What the findings that did not pass mean."""
    return [finding.means for finding in judged.findings if not finding.passed]


@pytest.mark.parametrize(
    ("instruction", "hidden_bytes", "says"),
    [
        pytest.param("COPY base /", 7_000_000, "A container can see what `COPY base /` brought", id="the heaviest"),
        pytest.param("RUN rm /srv/import/stock.dump", 7_000_000, "brought no file", id="the step that deletes"),
        pytest.param(COPY, 10_000_000, "size of all files in all layers", id="all layers"),
        pytest.param(COPY, 3_000_000, "what a container can see", id="what is visible"),
        pytest.param(COPY, 0, "not counted yet", id="nothing"),
        pytest.param(COPY, "7 MB", "not counted yet", id="text"),
        pytest.param(COPY, 7_340_032, "have another size", id="seven mebibytes"),
    ],
)
def test_each_wrong_answer_about_layers_is_told(instruction: str, hidden_bytes: object, says: str) -> None:
    """One finding names the mistake, the other passes."""
    judged = judge_layer(FILES, {"instruction": instruction, "hidden_bytes": hidden_bytes})
    (means,) = failed(judged)
    assert says in means


@pytest.mark.parametrize(
    ("said", "says"),
    [
        pytest.param([*WRITTEN.layer], "A tmpfs is memory", id="docker diff without folders"),
        pytest.param([*WRITTEN.tmpfs], "writable layer is removed", id="the mounts alone"),
        pytest.param([*LOST, *WRITTEN.volume], "that a volume keeps", id="the volume, too"),
        pytest.param([*LOST, "/srv"], "A folder, or a file of the image", id="a folder"),
    ],
)
def test_each_wrong_answer_about_a_removal_is_told(said: list[str], says: str) -> None:
    """One finding names the mistake, all others pass."""
    (means,) = failed(judge_loss(WRITTEN, said))
    assert says in means


def test_the_right_answers_pass() -> None:
    """Numbers may be off by less than a kilobyte."""
    assert judge_layer(FILES, {"instruction": COPY, "hidden_bytes": 7_000_400}).verdict is Verdict.PASSED
    assert judge_loss(WRITTEN, LOST).verdict is Verdict.PASSED


@pytest.mark.parametrize("answer", [None, "x", {"hidden_bytes": "many"}, [None, {}]])
def test_odd_answers_are_wrong_and_never_an_exception(answer: Any) -> None:
    """Whatever a cell hands over gets findings that say what was expected."""
    for judged in (judge_layer(FILES, answer), judge_loss(WRITTEN, answer)):
        assert judged.verdict is Verdict.WRONG
        assert all(finding.expected for finding in judged.findings)
