"""The doors of the repository: what code hosts, citation tools and package builders read is valid and agrees."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.quality.test_style import passes, tool, tracked

SCHEMAS = {
    ".github/workflows/*": "github-workflows",
    ".github/dependabot.yml": "dependabot",
    ".github/ISSUE_TEMPLATE/config.yml": "github-issue-config",
    ".github/ISSUE_TEMPLATE/[!c]*.yml": "github-issue-forms",
    "CITATION.cff": "citation-file-format",
}
"""Files, and the schema for each that check-jsonschema brings along: it asks no network."""


@pytest.mark.parametrize(("files", "schema"), SCHEMAS.items(), ids=SCHEMAS.values())
def test_what_a_code_host_reads_fits_its_schema(root: Path, files: str, schema: str) -> None:
    """Every key and value is one that the reader of the file knows."""
    passes(root, tool("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", *tracked(root, files))


def test_the_workflow_runs_what_lands_a_change(root: Path) -> None:
    """Its only command is .ci/run, and its token may read only."""
    workflow = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    assert workflow["permissions"] == {"contents": "read"}


def test_hooks_run_what_the_suite_runs(root: Path) -> None:
    """The hooks before a commit are local, and their programs are those of test_style and of this file."""
    (repository,) = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    programs = {hook["entry"].split()[0] for hook in repository["hooks"]}
    text = "".join((root / "tests" / "quality" / name).read_text() for name in ("test_style.py", "test_repository.py"))
    run = set(re.findall(r'tool\("([\w-]+)"\)|^        \("(\w+)"', text, re.MULTILINE))
    assert programs == {f".venv/bin/{one or other}" for one, other in run}


def test_the_changelog_begins_with_this_version(root: Path) -> None:
    """pyproject.toml has the version; the newest release in CHANGELOG.md is that one."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    releases = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[:1] == [version]


def test_scripts_are_checked_out_with_line_feeds(root: Path) -> None:
    """A clone that turns line ends into CRLF would break the launcher, and change the tags of all images."""
    names = ["workshop", ".ci/run", *tracked(root, "images", "workshop_app")]
    said = subprocess.run(
        ["git", "check-attr", "eol", "--", *names], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines() == [f"{name}: eol: lf" for name in names]
