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
    environment = subject.target.environment
    secrets_of_image = secrets_among(image)
    secrets = {**secrets_of_image, **secrets_among(environment)}
    if not secrets:
        names = ", ".join(environment) or "none"
        return holds(f"None of its {len(environment)} variables looks like a secret.", Evidence(_INSPECT, names))

    evidence = []
    for name, secret in secrets.items():
        source = "from the image" if secrets_of_image.get(name) == secret else "given at start"
        evidence.append(Evidence(f"{_INSPECT}, {source}", f"{name}={masked(secret)}"))
    return fails(f"It shows {', '.join(secrets)}.", *evidence)


def no_secrets_in_history(subject: Subject) -> Judgment:
    """Look at build arguments and commands in ``docker history``; report each secret where it is first shown."""
    history = subject.read_history()
    names: dict[str, str] = {}
    evidence: dict[str, Evidence] = {}
    defaults = set(secrets_among(subject.target.image_environment).values())

    for number, step in enumerate(history, 1):
        text = str(step.get("CreatedBy") or "")
        for name, secret in _secrets(text):
            subject.mask.learn(secret)
            is_default = text.startswith("ENV ") and secret in defaults
            if not is_default:  # `no_secrets_in_environment` reports defaults
                names.setdefault(secret, name)
                evidence.setdefault(secret, Evidence(f"docker history, step {number}", f"{name}: {text}"))

    if not names:
        nothing = Evidence("docker history --no-trunc", "nothing")
        return holds(f"None of the {len(history)} steps shows one.", nothing)
    different_names = ", ".join(dict.fromkeys(names.values()))
    return fails(f"Its history shows what looks like a secret: {different_names}.", *evidence.values())


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
    settings = ", ".join(f"{name}={port}" for name, (_, port) in canary.moved.items())
    evidence = Evidence(f"run with {settings or 'its settings'}", f"it {canary.run.started.summary}")
    if canary.now_on:
        return holds(f"Given {settings} it listens there.", evidence)
    if canary.still_on and set(canary.moved) & set(subject.target.environment):
        ports = ", ".join(map(str, canary.still_on))
        return fails(f"It was given {settings}, and listens on {ports} as before.", evidence)

    bare_run = subject.run_without_settings()
    names = variables_named(bare_run.lines(20)) if bare_run.started.ended else []
    if names:
        bare_evidence = Evidence(
            "run with the image's own environment", f"it {bare_run.started.summary}; {bare_run.lines()}"
        )
        ellipsis = " …" if len(names) > 4 else ""
        return holds(f"It asks for {', '.join(names[:4])}{ellipsis}.", bare_evidence)

    if canary.run.started.timed_out:
        return cannot_tell(f"With {settings or 'its settings'} a clone of it {canary.run.started.summary}.", evidence)
    return cannot_tell("No variable was found whose effect can be seen from outside.", evidence)


def fails_fast(subject: Subject) -> Judgment:
    """Hold if it ends with an error when its settings are missing, and its last lines name one of them."""
    bare_run = subject.run_without_settings()
    has_settings = bool(subject.given)
    evidence = Evidence(
        "run with the image's own environment",
        f"it {bare_run.started.summary}; {bare_run.lines() or 'it said nothing'}",
    )

    if bare_run.started.timed_out:
        return cannot_tell(f"With the image's own environment a clone of it {bare_run.started.summary}.", evidence)
    if not bare_run.started.ended and not has_settings:
        return not_applicable("It starts without any setting: none is required.", evidence)
    if not bare_run.started.ended:
        return cannot_tell("It runs without its settings; whether it needed one cannot be seen.", evidence)
    if bare_run.started.exit_code == 0:
        return not_applicable("It ends by itself with 0, as a job does.", evidence)

    normal_start = subject.run_normal().started
    if has_settings and not normal_start.ready:
        return cannot_tell(f"With its settings it {normal_start.summary}, too.", evidence)
    soon_seconds = max(SOON_SECONDS, 3 * normal_start.seconds)  # both may be slow
    return _judge_refusal(bare_run, has_settings, soon_seconds, evidence)


def _judge_refusal(bare_run: CloneRun, has_settings: bool, soon_seconds: float, evidence: Evidence) -> Judgment:
    """Judge a clone that ended without its settings: was it quick, and did it name the missing one?"""
    if bare_run.started.seconds > soon_seconds:
        return fails(f"It took {bare_run.started.seconds:.1f} s to end without its settings.", evidence, by_time=True)
    if variables_named(bare_run.lines(20)):
        return holds(f"It ended after {bare_run.started.seconds:.1f} s and named the missing setting.", evidence)
    if has_settings or len(bare_run.log) == 0:
        return fails("It ends, and does not say which setting is missing.", evidence)
    return cannot_tell("It ends by itself; whether a setting is missing its last lines do not say.", evidence)


def file_names(files: list[Member]) -> str:
    """Return the first three paths, and the number of others."""
    names = list(dict.fromkeys(f"/{file.path}" for file in files))
    text = ", ".join(names[:3])
    if len(names) > 3:
        text += f" and {len(names) - 3} more"
    return text


def file_evidence(files: list[Member]) -> list[Evidence]:
    """Return the first files as evidence, each with the instruction that made it."""
    evidence = []
    for file in files[:SHOWN]:
        source = f"{READ}: layer {file.layer + 1} {file.made_by}".rstrip()
        evidence.append(Evidence(source, _describe(file)))
    return evidence


def _secrets(text: str) -> list[tuple[str, str]]:
    return [*assigned_secrets(text), *secrets_in(text)]


def _is_secret(file: Member) -> bool:
    if _SETTINGS_FILE.search(file.path):
        text = file.head.decode(errors="replace")
        return bool(_secrets(_COMMENT.sub("", text)))
    if _SECRET_FILE.search(file.path) or _REPOSITORY_FOLDER.search(file.path):
        return True
    if _KEY_HEAD.match(file.head):
        return True
    return bool(_KEY_NAME.search(file.path)) and b"\0" in file.head


def _describe(file: Member) -> str:
    hidden = "" if file.visible else ", hidden by a later layer"
    return f"/{file.path}, {file.size_bytes} bytes, mode {file.mode & 0o7777:04o}{hidden}"
