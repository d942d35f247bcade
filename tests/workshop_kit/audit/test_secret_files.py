"""A secret that comes as a file: hunted for in the log, and never in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workshop_kit.audit.counting import PATIENCE_SECONDS
from tests.workshop_kit.audit.test_hostile import target
from workshop_kit.audit.data import Verdict
from workshop_kit.audit.examine import examine
from workshop_kit.audit.report import as_html, as_json, as_markdown, as_text
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

SECRET = "correct-horse-battery-staple"
TELLS = "import time\nprint('connecting with', open('/run/secrets/db').read(), flush=True)\ntime.sleep(100)\n"


def test_a_logged_file_secret_is_found_and_shown_nowhere(session: Session, python_image: str, tmp_path: Path) -> None:
    """The rule names the file; text, JSON, Markdown and HTML have the line without the secret."""
    file = tmp_path / "db"
    file.write_text(SECRET + "\n")
    file.chmod(0o644)
    settings = {
        "entrypoint": ["python3", "-c", TELLS],
        "volumes": {str(file): {"bind": "/run/secrets/db", "mode": "ro"}},
    }
    with target(session, python_image, **settings) as word:
        report = examine(session, word, only=["logs"], budget_seconds=PATIENCE_SECONDS)
    (finding,) = (one for one in report.failing() if one.rule.id == "logs.no-secrets")
    assert finding.verdict is Verdict.FAILS
    assert "/run/secrets/db" in finding.said
    forms = [as_text(report), json.dumps(as_json(report)), as_markdown(report), as_html(report)]
    assert any("[masked, 28 characters]" in form for form in forms)
    assert not any(SECRET[start : start + 6] in form for form in forms for start in range(len(SECRET) - 5))
