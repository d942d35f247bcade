"""What lies in the layers of an image and should not: files of one environment, keys, tools, waste."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workshop_kit.audit.data import Evidence, Judged, cannot_tell, fails, holds
from workshop_kit.audit.members import Member
from workshop_kit.audit.subject import Subject

SHOWN = 5
READ = "docker image save, every layer"
WASTE_BYTES = 20 * 1024**2
WASTE_SHARE = 0.05

_EXAMPLES = ("example", "sample", "template", "dist", "schema")
_ENVIRONMENT_FILE = re.compile(
    r"(^|/)(\.env(\.[\w-]+)?|[\w-]+\.env|\.netrc|\.pgpass|\.git-credentials|\.pypirc|\.htpasswd|[\w-]+\.tfvars"
    r"|\.aws/credentials|\.docker/config\.json|\.kube/config|\.ssh/config)$"
)
_KEY_NAME = re.compile(r"(^|/)(id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(key|p12|pfx|jks|keystore|ppk))$")
_KEY_HEAD = re.compile(rb"\s*(-----BEGIN [A-Z ]*PRIVATE KEY-----|PuTTY-User-Key-File|-----BEGIN PGP PRIVATE)")
_VERSION_CONTROL = re.compile(r"(^|/)\.(git|hg|svn)/")
_COMPILER = re.compile(
    r"(^|/)bin/((x86_64|aarch64)-[\w-]+-)?(gcc|g\+\+|cc1?|clang|cpp|rustc|cargo|javac|tcc)(-[\d.]+)?$|^usr/local/go/bin/go$"
)
_PACKAGES = re.compile(r"(^|/)s?bin/(apt-get|apt|dnf|yum|microdnf|apk|zypper|pacman|pip3?|npm|gem)$")
_CACHE = re.compile(
    r"^(var/lib/apt/lists/.+_(Packages|Sources|Release|InRelease)|var/cache/(apt/archives/.+\.deb|dnf|yum|apk)/?"
    r"|root/\.cache/|home/[^/]+/\.(cache|npm)/|root/\.npm/)"
)
# What distributions ship with the bit set. It is there to be used, and a way to root all the same.
_DISTRIBUTION = re.compile(
    r"^(usr/)?s?bin/(su|mount|umount|passwd|chsh|chfn|gpasswd|newgrp|chage|expiry|unix_chkpwd|pam_timestamp_check|wall|write"
    r"|bbsuid|crontab|ssh-agent|sudo|pkexec|newuidmap|newgidmap|fusermount3?)$"
)


def no_environment_files(subject: Subject) -> Judged:
    """``.env`` and files in which tools keep credentials, by their names."""
    found = [one for one in subject.files if _ENVIRONMENT_FILE.search(one.path) and not one.path.endswith(_EXAMPLES)]
    found = [one for one in found if one.size_bytes > 0]
    return _none_of(found, subject.files, "a file of one environment or of credentials")


def no_private_keys(subject: Subject) -> Judged:
    """Private keys, by their first line; by the name alone where the content is not text."""
    found = [
        one for one in subject.files if _KEY_HEAD.match(one.head) or (_KEY_NAME.search(one.path) and _unreadable(one))
    ]
    return _none_of(found, subject.files, "a private key")


def no_version_control(subject: Subject) -> Judged:
    """``.git`` and its like."""
    found = [one for one in subject.files if _VERSION_CONTROL.search(one.path)]
    return _none_of(found, subject.files, "a file of version control")


def no_tools(subject: Subject) -> Judged:
    """Compilers count always; package managers if the user it runs as could install with them."""
    there = [one for one in subject.files if one.visible]
    compilers = [one for one in there if _COMPILER.search(one.path) and one.size_bytes > 0]
    managers = [one for one in there if _PACKAGES.search(one.path)]
    if compilers:
        return fails(f"A compiler is in it: {_names(compilers)}.", *_shown(compilers))
    user = str(subject.target.config.get("User") or "")
    if managers and is_root(user):
        return fails(f"It runs as root, who can install with {_names(managers)}.", *_shown(managers))
    if managers:
        said = f"No compiler; {_names(managers)} is there, but the user {user} cannot install with it."
        return holds(said, *_shown(managers))
    return holds("Neither a compiler nor a package manager was found.", Evidence(READ, f"{len(there)} files"))


def no_setuid_files(subject: Subject) -> Judged:
    """Files of root's with the setuid bit. With no-new-privileges the bit does nothing."""
    found = [one for one in subject.files if one.visible and one.mode & 0o4000 and one.owner == 0]
    own = [one for one in found if not _DISTRIBUTION.search(one.path)]
    if not found:
        return holds("There is none.", Evidence(READ, f"{len(subject.files)} files"))
    if any(
        option.startswith("no-new-privileges") and "false" not in option
        for option in subject.target.host.get("SecurityOpt") or ()
    ):
        return holds(f"{len(found)} are there, and no-new-privileges takes their effect away.", *_shown(found))
    if own:
        return fails(f"It brings setuid files of its own: {_names(own)}.", *_shown(own))
    said = f"{len(found)} are there, all of the distribution's; whether they are of use depends on how it is run."
    return cannot_tell(said, *_shown(found))


def little_waste(subject: Subject) -> Judged:
    """Bytes that no container sees (deleted or replaced by a later layer) and caches of package managers."""
    hidden = [one for one in subject.files if not one.visible]
    caches = [one for one in subject.files if one.visible and _CACHE.search(one.path)]
    waste = sorted([*hidden, *caches], key=lambda one: one.size_bytes, reverse=True)
    total = sum(one.size_bytes for one in subject.files)
    wasted = sum(one.size_bytes for one in waste)
    said = f"{wasted / 1e6:.1f} of {total / 1e6:.1f} MB are waste."
    if wasted > max(WASTE_BYTES, WASTE_SHARE * total):
        return fails(said, *_shown(waste))
    return holds(said, Evidence(READ, f"{len(hidden)} files hidden by later layers, {len(caches)} of caches"))


def is_root(user: str) -> bool:
    """Whether a USER of an image or container is root; so is none at all."""
    name = user.partition(":")[0]
    return name in {"", "root"} or (name.isdecimal() and int(name) == 0)


def _unreadable(file: Member) -> bool:
    return file.size_bytes > 0 and b"\0" in file.head


def _none_of(found: list[Member], looked_at: list[Member], what: str) -> Judged:
    if found:
        return fails(f"There is {what}: {_names(found)}.", *_shown(found))
    return holds(f"None of {len(looked_at)} files looks like {what}.", Evidence(READ, f"{len(looked_at)} files"))


def _names(found: list[Member]) -> str:
    names = list(dict.fromkeys(f"/{one.path}" for one in found))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _shown(found: Iterable[Member]) -> list[Evidence]:
    rows = list(found)
    evidence = [
        Evidence(f"{READ}: layer {one.layer + 1} {one.made_by}".rstrip(), _described(one)) for one in rows[:SHOWN]
    ]
    return evidence + ([Evidence(READ, f"{len(rows) - SHOWN} more")] if len(rows) > SHOWN else [])


def _described(file: Member) -> str:
    hidden = "" if file.visible else ", hidden by a later layer"
    return f"/{file.path}, {file.size_bytes} bytes, mode {file.mode & 0o7777:04o}{hidden}"
