"""Rules on configuration: no secrets in environment, history and files; settings from the environment."""

from __future__ import annotations

import re

from container_audit.clone import CloneRun
from container_audit.findings import Evidence, Judgment, cannot_tell, fails, holds, not_applicable
from container_audit.subject import Subject
from workshop_kit.observe.layers import Member
from workshop_kit.observe.masking import assigned_secrets, masked, secrets_among, secrets_in, variables_named

SHOWN = 5
SOON_SECONDS = 10.0
READ = "docker image save, every layer"
_INSPECT = "docker inspect: Config.Env"

_SECRET_FILE = re.compile(
    r"(^|/)(\.netrc|\.pgpass|\.git-credentials|\.pypirc|\.htpasswd|\.aws/credentials|\.docker/config\.json|\.kube/config)$"
)
_KEY_NAME = re.compile(r"(^|/)(id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(key|p12|pfx|jks|keystore|ppk))$")
_KEY_HEAD = re.compile(rb"\s*(-----BEGIN [A-Z ]*PRIVATE KEY-----|PuTTY-User-Key-File|-----BEGIN PGP PRIVATE)")
_SETTINGS_FILE = re.compile(
    r"(^|/)(\.env(\.[\w-]+)?|[\w-]+\.env|[\w-]+\.tfvars|\.npmrc|\.yarnrc(\.yml)?|pip\.conf|\.condarc|gradle\.properties)$"
)
"""Settings files of tools, which may hold a token or a password."""
_COMMENT = re.compile(r"^\s*[#;].*", re.MULTILINE)
_REPOSITORY_FOLDER = re.compile(r"(^|/)\.(git|hg|svn)/")


def no_secrets_in_environment(subject: Subject) -> Judgment:
    """Look at the names and values of the image's and the container's variables."""
    image = subject.target.image_environment
    given = subject.target.environment
    found = {**secrets_among(image), **secrets_among(given)}
    if not found:
        names = ", ".join(given) or "none"
        return holds(f"None of its {len(given)} variables looks like a secret.", Evidence(_INSPECT, names))
    evidence = []
    for name, secret in found.items():
        source = "from the image" if secrets_among(image).get(name) == secret else "given at start"
        evidence.append(Evidence(f"{_INSPECT}, {source}", f"{name}={masked(secret)}"))
    return fails(f"It shows {', '.join(found)}.", *evidence)


def no_secrets_in_history(subject: Subject) -> Judgment:
    """Look at build arguments and commands in ``docker history``; report each secret where it is first shown."""
    history = subject.read_history()
    first: dict[str, tuple[str, Evidence]] = {}
    defaults = set(secrets_among(subject.target.image_environment).values())
    for number, step in enumerate(history, 1):
        text = str(step.get("CreatedBy") or "")
        for name, secret in _secrets(text):
            subject.mask.learn(secret)
            if not (text.startswith("ENV ") and secret in defaults):  # `no_secrets_in_environment` reports it
                first.setdefault(secret, (name, Evidence(f"docker history, step {number}", f"{name}: {text}")))
    if not first:
        seen = Evidence("docker history --no-trunc", "nothing")
        return holds(f"None of the {len(history)} steps shows one.", seen)
    names = ", ".join(dict.fromkeys(name for name, _ in first.values()))
    return fails(f"Its history shows what looks like a secret: {names}.", *(seen for _, seen in first.values()))


def no_secret_files(subject: Subject) -> Judgment:
    """Find credentials and version control by file name, settings and private keys by content."""
    files = subject.read_files()
    filled = [file for file in files if file.size_bytes]
    secret_files = [file for file in filled if _is_secret(file)]
    if secret_files:
        return fails(f"There is a file of secrets: {file_names(secret_files)}.", *file_evidence(secret_files))

    count = f"{len(files)} files"
    return holds(f"None of {count} looks like one of secrets.", Evidence(READ, count))


def from_environment(subject: Subject) -> Judgment:
    """Hold if it listens on the port that a variable gives, or names missing variables when it starts without any.

    Fail only if the container was given that variable; PORT is tried in any case.
    """
    canary = subject.run_with_canaries()
    given = ", ".join(f"{name}={new}" for name, (_, new) in canary.moved.items())
    seen = Evidence(f"run with {given or 'its settings'}", f"it {canary.run.started.summary}")
    if canary.now_on:
        return holds(f"Given {given} it listens there.", seen)
    if canary.still_on and set(canary.moved) & set(subject.target.environment):
        return fails(f"It was given {given}, and listens on {', '.join(map(str, canary.still_on))} as before.", seen)
    bare = subject.run_without_settings()
    if bare.started.ended and (named := variables_named(bare.lines(20))):
        asked = Evidence("run with the image's own environment", f"it {bare.started.summary}; {bare.lines()}")
        return holds(f"It asks for {', '.join(named[:4])}{' …' if len(named) > 4 else ''}.", asked)
    if canary.run.started.timed_out:
        return cannot_tell(f"With {given or 'its settings'} a clone of it {canary.run.started.summary}.", seen)
    return cannot_tell("No variable was found whose effect can be seen from outside.", seen)


def fails_fast(subject: Subject) -> Judgment:
    """Hold if it ends with an error when its settings are missing, and its last lines name one of them."""
    bare = subject.run_without_settings()
    given = bool(subject.given)
    seen = Evidence(
        "run with the image's own environment", f"it {bare.started.summary}; {bare.lines() or 'it said nothing'}"
    )
    if bare.started.timed_out:
        return cannot_tell(f"With the image's own environment a clone of it {bare.started.summary}.", seen)
    if not bare.started.ended and not given:
        return not_applicable("It starts without any setting: none is required.", seen)
    if not bare.started.ended:
        return cannot_tell("It runs without its settings; whether it needed one cannot be seen.", seen)
    if bare.started.exit_code == 0:
        return not_applicable("It ends by itself with 0, as a job does.", seen)
    normal = subject.run_normal().started
    if given and not normal.ready:
        return cannot_tell(f"With its settings it {normal.summary}, too.", seen)
    return _judge_refusal(bare, given, max(SOON_SECONDS, 3 * normal.seconds), seen)  # both may be slow


def _judge_refusal(bare: CloneRun, given: bool, soon_seconds: float, seen: Evidence) -> Judgment:
    """Judge a clone that ended without its settings: was it quick, and did it name the missing one?"""
    if bare.started.seconds > soon_seconds:
        return fails(f"It took {bare.started.seconds:.1f} s to end without its settings.", seen, by_time=True)
    if variables_named(bare.lines(20)):
        return holds(f"It ended after {bare.started.seconds:.1f} s and named the missing setting.", seen)
    if given or len(bare.log) == 0:
        return fails("It ends, and does not say which setting is missing.", seen)
    return cannot_tell("It ends by itself; whether a setting is missing its last lines do not say.", seen)


def file_names(found: list[Member]) -> str:
    """Return the first three paths, and the number of others."""
    names = list(dict.fromkeys(f"/{one.path}" for one in found))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def file_evidence(found: list[Member]) -> list[Evidence]:
    """Return the first files as evidence, each with the instruction that made it."""
    return [Evidence(f"{READ}: layer {one.layer + 1} {one.made_by}".rstrip(), _describe(one)) for one in found[:SHOWN]]


def _secrets(text: str) -> list[tuple[str, str]]:
    return [*assigned_secrets(text), *secrets_in(text)]


def _is_secret(file: Member) -> bool:
    if _SETTINGS_FILE.search(file.path):
        return bool(_secrets(_COMMENT.sub("", file.head.decode(errors="replace"))))
    if _SECRET_FILE.search(file.path) or _REPOSITORY_FOLDER.search(file.path):
        return True
    return bool(_KEY_HEAD.match(file.head) or (_KEY_NAME.search(file.path) and b"\0" in file.head))


def _describe(file: Member) -> str:
    hidden = "" if file.visible else ", hidden by a later layer"
    return f"/{file.path}, {file.size_bytes} bytes, mode {file.mode & 0o7777:04o}{hidden}"
