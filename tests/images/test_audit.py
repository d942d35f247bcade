"""The workshop's own images pass its audit, but for what is accepted with a reason."""

from __future__ import annotations

import pytest

from container_audit import catalog
from container_audit.runner import run_audit
from tests.images.conftest import Hardened, run
from workshop_kit.engine.recipes import RECIPES
from workshop_kit.engine.session import Session
from workshop_kit.paths import CHECKOUT

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(300)]
ACCEPTED = "accepted.toml"
NAMES = [recipe.name for recipe in RECIPES]
FIND = "find / -xdev -perm /6000 -type f 2> /dev/null; du -sk /var/cache/apt /var/lib/apt/lists 2> /dev/null | cut -f1"
"""Without capabilities root cannot read some folders of other users; they hold no programs."""
MOST_KIB = 200
"""The folders alone, and files that say when something was updated."""


@pytest.mark.parametrize("name", NAMES)
def test_nothing_fails_but_what_is_accepted(name: str, session: Session, images: dict[str, str]) -> None:
    """By all rules that look at an image without running it; no entry is there for a rule that holds."""
    folder = next(recipe.folder for recipe in RECIPES if recipe.name == name)
    accepted = CHECKOUT / folder / ACCEPTED
    entries = catalog.load_ignored(accepted) if accepted.is_file() else []
    report = catalog.apply_ignored(run_audit(session, images[name], only=["static"]), entries)
    (target,) = report.targets
    assert [(finding.rule.id, finding.sentence, finding.evidence) for finding in target.failing] == []
    assert {finding.rule.id for finding in target.accepted} == {entry.rule for entry in entries}


@pytest.mark.parametrize("name", NAMES)
def test_no_program_has_the_rights_of_another_user(name: str, hardened: Hardened, images: dict[str, str]) -> None:
    """No file has SUID or SGID, and no cache of apt is left."""
    container = hardened(images[name], {}, {}, entrypoint=["sleep", "60"], user="0")
    _, output = run(container, FIND)
    *programs, cached_kib, lists_kib = output.split("\n")
    assert programs == []
    assert int(cached_kib) + int(lists_kib) < MOST_KIB
