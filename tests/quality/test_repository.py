"""What code hosts, citation tools, package builders and installers read is valid, and agrees."""

from __future__ import annotations

import itertools
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.quality.test_style import passes, tool, tracked
from workshop_dev.generated import LOCKS

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


def test_the_changelog_begins_with_this_version(root: Path) -> None:
    """pyproject.toml has the version; the newest release in CHANGELOG.md is that one, or it will be the first."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    changelog = (root / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert releases[:1] == [version] or f"the first one will be {version}" in changelog


def test_scripts_are_checked_out_with_line_feeds(root: Path) -> None:
    """A clone that turns line ends into CRLF would break the launcher, and change the tags of all images."""
    names = ["workshop", ".ci/run", *tracked(root, "images", "workshop_app")]
    output = subprocess.run(
        ["git", "check-attr", "eol", "--", *names], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert output.splitlines() == [f"{name}: eol: lf" for name in names]


CONDA_NAMES = {
    "docker-py": "docker",
    "matplotlib-base": "matplotlib",
    "nbconvert-core": "nbconvert",
    "python-duckdb": "duckdb",
}


def declared(root: Path, group: str | None = None) -> dict[str, Requirement]:
    """The requirements of pyproject.toml by name: those of a group, or those of the project with its extras."""
    document = tomllib.loads((root / "pyproject.toml").read_text())
    if group:
        lines = document["dependency-groups"][group]
    else:
        extras = document["project"]["optional-dependencies"].values()
        lines = [*document["project"]["dependencies"], *itertools.chain.from_iterable(extras)]
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


def locked(text: str) -> dict[str, set[str]]:
    """Name to versions of a lock file; there are several where older Pythons get an older one."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ ;]+)", text, re.MULTILINE):
        versions.setdefault(canonicalize_name(name), set()).add(version)
    return versions


def test_conda_gets_the_same_packages_in_the_same_ranges(root: Path) -> None:
    """environment.yml lists what pyproject.toml lists, uv apart, in equal ranges."""
    environment = yaml.safe_load((root / "environment.yml").read_text())
    requirements = [Requirement(line) for line in environment["dependencies"]]
    by_name = {
        canonicalize_name(CONDA_NAMES.get(requirement.name, requirement.name)): requirement.specifier
        for requirement in requirements
    }
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = {name: requirement.specifier for name, requirement in declared(root).items() if name != "uv"}
    wanted["python"] = Requirement(f"python{project['requires-python']}").specifier
    assert by_name == wanted
    # The default channels ask companies for money.
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert environment["name"] == "container-design-workshop"


@pytest.mark.parametrize(("lock", "group"), [("requirements.lock", None), ("requirements-dev.lock", "dev")])
def test_the_lock_satisfies_what_is_declared(root: Path, lock: str, group: str | None) -> None:
    """Every declared range holds the locked version."""
    versions = locked((root / lock).read_text())
    wrong = [
        f"{name} {versions.get(name)}"
        for name, wanted in {**declared(root), **(declared(root, group) if group else {})}.items()
        if not all(map(wanted.specifier.contains, versions.get(name, {"none"})))
    ]
    assert wrong == []


@pytest.mark.parametrize("lock", [lock for lock, *_ in LOCKS])
def test_no_lock_names_an_index(root: Path, lock: str) -> None:
    """The index of a company may be closed to others."""
    assert not re.search(r"https?://|--index-url|--find-links", (root / lock).read_text())
