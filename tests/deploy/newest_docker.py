"""The newest Docker that Debian has, unpacked into a folder beside the system: nothing of the machine changes.

The packages come from the mirror of the machine's own apt, with the suite replaced; lists, cache and status of the
packages are private. The folder is kept: a later run fetches only the lists, until there is a newer version.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SUITE = "sid"
PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "runc", "tini-static")
NEXT_STEP = "The machine needs Debian's apt, and its mirror must be reached."


@dataclass(frozen=True)
class NewestDocker:
    """Docker's programs below ``folder``; ``version`` is that of the engine's package."""

    folder: Path
    version: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a program finds this Docker: engine, command and the command's plugins."""
        programs = [str(self.folder / "usr" / name) for name in ("bin", "sbin")]
        return {"PATH": os.pathsep.join([*programs, os.environ["PATH"]]), "DOCKER_CONFIG": str(self.folder / "config")}


def unpacked(cache: Path) -> NewestDocker:
    """Return the newest Docker, unpacked below ``cache``; fail the test if the suite cannot be reached."""
    apt = PrivateApt(cache / "apt")
    apt.update()
    version = apt.candidate(PACKAGES[0])
    folder = cache / f"docker-{version}".replace(":", "_")  # a colon would end an entry of PATH
    if not folder.exists():
        for old in cache.glob("docker-*"):
            shutil.rmtree(old)
        partial = cache / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        for package in apt.download(PACKAGES):
            run("dpkg-deb", "--extract", str(package), str(partial))
            package.unlink()
        partial.rename(folder)
    write_plugin_setting(folder / "config", folder)  # each time: the checkout may have moved
    return NewestDocker(folder, version)


def write_plugin_setting(config: Path, folder: Path) -> None:
    """Write the settings of the docker command: it looks for its plugins below ``folder`` first."""
    config.mkdir(exist_ok=True)
    plugins = folder / "usr" / "libexec" / "docker" / "cli-plugins"
    (config / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [str(plugins)]}))


class PrivateApt:
    """Apt with sources, lists, cache and status of its own below ``folder``, for one suite."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        sources = folder / "sources.list"
        for name in ("lists/partial", "cache", "packages"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        sources.write_text(own_source(SUITE))
        settings = {
            "Dir::Etc::SourceList": sources,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": folder / "lists",
            "Dir::State::Status": folder / "status",
            "Dir::Cache": folder / "cache",
            "APT::Sandbox::User": "root",
            "APT::Update::Error-Mode": "any",
        }
        self._options = [f"-o={key}={value}" for key, value in settings.items()]

    def update(self) -> None:
        """Fetch the suite's list of packages."""
        run("apt-get", *self._options, "update")

    def candidate(self, package: str) -> str:
        """Return the version of a package in the suite."""
        output = run("apt-cache", *self._options, "show", "--no-all-versions", package)
        versions: list[str] = re.findall(r"^Version: (.+)$", output, re.MULTILINE)
        return versions[0]

    def download(self, packages: Sequence[str]) -> list[Path]:
        """Download packages and return their files."""
        folder = self._folder / "packages"
        run("apt-get", *self._options, "download", *packages, folder=folder)
        return sorted(folder.glob("*.deb"))


def own_source(suite: str) -> str:
    """Return a line for apt: the mirror and the key with which this machine gets its own Debian, with another suite."""
    template = "$(SUITE)|$(REPO_URI)|$(SIGNED_BY)"
    output = run("apt-get", "indextargets", f"--format={template}", "Created-By: Packages", "Component: main")
    for line in output.splitlines():
        own_suite, mirror, key = line.split("|")
        if "-" not in own_suite:  # neither security nor updates
            option = f"[signed-by={key}] " if key.startswith("/") else ""
            return f"deb {option}{mirror} {suite} main\n"
    pytest.fail(f"Docker of Debian's {suite} cannot be tried: apt has no mirror of Debian here. {NEXT_STEP}")


def run(*command: str, folder: Path | None = None) -> str:
    """Run a program and return its output; a failure is one sentence."""
    try:
        completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.fail(f"Docker of Debian's {SUITE} cannot be tried: there is no {command[0]} here. {NEXT_STEP}")
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:]
        pytest.fail(f"Docker of Debian's {SUITE} cannot be tried: {command[0]} says {last}. {NEXT_STEP}")
    return completed.stdout
