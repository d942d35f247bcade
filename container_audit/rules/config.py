"""Rules on configuration: no secrets in environment, history and files; settings from the environment."""

from __future__ import annotations

import re

from container_audit.clone_run import CloneRun
from container_audit.findings import Evidence, Judgment, cannot_tell, fails, holds, not_applicable
from container_audit.subject import Subject
from workshop_kit.observe.layers import Member
from workshop_kit.observe.masking import assigned_secrets, replacement_of, secrets_among, secrets_in, variable_names_in

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
    """Hold if no variable of the image or the container looks like a secret, by its name or value."""
    environment = subject.target.environment
    secrets_of_image = secrets_among(subject.target.image_environment)
    secrets = {**secrets_of_image, **secrets_among(environment)}
    if not secrets:
        names = ", ".join(environment) or "none"
        return holds(f"None of its {len(environment)} variables looks like a secret.", Evidence(_INSPECT, names))

    evidence = []
    for name, secret in secrets.items():
        source = "from the image" if secrets_of_image.get(name) == secret else "given at start"
        evidence.append(Evidence(f"{_INSPECT}, {source}", f"{name}={replacement_of(secret)}"))
    return fails(f"It shows {', '.join(secrets)}.", *evidence)


def no_secrets_in_history(subject: Subject) -> Judgment:
    """Hold if no build argument and no command in ``docker history`` has a secret.

    Each secret is reported where it is first shown.
    """
    history = subject.read_history()
    defaults = set(secrets_among(subject.target.image_environment).values())
    names_by_secret: dict[str, str] = {}
    evidence_by_secret: dict[str, Evidence] = {}

    for number, step in enumerate(history, 1):
        text = str(step.get("CreatedBy") or "")
        for name, secret in _secrets_in(text):
            subject.mask.learn(secret)
            is_default = text.startswith("ENV ") and secret in defaults
            if not is_default:  # `no_secrets_in_environment` reports defaults
                evidence = Evidence(f"docker history, step {number}", f"{name}: {text}")
                names_by_secret.setdefault(secret, name)
                evidence_by_secret.setdefault(secret, evidence)

    if not names_by_secret:
        nothing = Evidence("docker history --no-trunc", "nothing")
        return holds(f"None of the {len(history)} steps shows one.", nothing)

    names = ", ".join(dict.fromkeys(names_by_secret.values()))
    return fails(f"Its history shows what looks like a secret: {names}.", *evidence_by_secret.values())


def no_secret_files(subject: Subject) -> Judgment:
    """Hold if no file has credentials or version control by its name, or a secret or private key by its content."""
    files = subject.read_files()
    filled_files = [file for file in files if file.size_bytes]
    secret_files = [file for file in filled_files if _is_secret(file)]
    if secret_files:
        return fails(f"There is a file of secrets: {file_names(secret_files)}.", *file_evidence(secret_files))

    count = f"{len(files)} files"
    return holds(f"None of {count} looks like one of secrets.", Evidence(READ, count))


def from_environment(subject: Subject) -> Judgment:
    """Hold if it listens on another port that a variable gives it, or names missing variables without its settings.

    The variable PORT is tried in any case; the rule fails only if the container itself has the variable.
    """
    canary = subject.run_with_canaries()
    new_ports = ", ".join(f"{name}={new_port}" for name, (_, new_port) in canary.ports_by_variable.items())
    settings = new_ports or "its settings"
    summary = canary.run.start.summary
    evidence = Evidence(f"run with {settings}", f"it {summary}")
    if canary.open_new_ports:
        return holds(f"Given {new_ports} it listens there.", evidence)
    if canary.open_old_ports and set(canary.ports_by_variable) & set(subject.target.environment):
        old_ports = ", ".join(map(str, canary.open_old_ports))
        return fails(f"It was given {new_ports}, and listens on {old_ports} as before.", evidence)

    bare_run = subject.run_without_settings()
    missing_names = variable_names_in(bare_run.lines(20)) if bare_run.start.has_ended else []
    if missing_names:
        observation = f"it {bare_run.start.summary}; {bare_run.lines()}"
        bare_evidence = Evidence("run with the image's own environment", observation)
        ellipsis = " …" if len(missing_names) > 4 else ""
        return holds(f"It asks for {', '.join(missing_names[:4])}{ellipsis}.", bare_evidence)

    if canary.run.start.timed_out:
        return cannot_tell(f"With {settings} a clone of it {summary}.", evidence)
    return cannot_tell("No variable was found whose effect can be seen from outside.", evidence)


def fails_fast(subject: Subject) -> Judgment:
    """Hold if it ends with an error when its settings are missing, and its last lines name one of them."""
    bare_run = subject.run_without_settings()
    bare_start = bare_run.start
    has_settings = bool(subject.own_settings)
    last_lines = bare_run.lines() or "it said nothing"
    evidence = Evidence("run with the image's own environment", f"it {bare_start.summary}; {last_lines}")

    if bare_start.timed_out:
        return cannot_tell(f"With the image's own environment a clone of it {bare_start.summary}.", evidence)
    if not bare_start.has_ended and not has_settings:
        return not_applicable("It starts without any setting: none is required.", evidence)
    if not bare_start.has_ended:
        return cannot_tell("It runs without its settings; whether it needed one cannot be seen.", evidence)
    if bare_start.exit_code == 0:
        return not_applicable("It ends by itself with 0, as a job does.", evidence)

    normal_start = subject.run_normal().start
    if has_settings and not normal_start.ready:
        return cannot_tell(f"With its settings it {normal_start.summary}, too.", evidence)
    soon_seconds = max(SOON_SECONDS, 3 * normal_start.seconds)  # a slow machine slows both starts
    return _judge_refusal(bare_run, has_settings, soon_seconds, evidence)


def _judge_refusal(bare_run: CloneRun, has_settings: bool, soon_seconds: float, evidence: Evidence) -> Judgment:
    """Judge a clone that ended without its settings by its time, and by whether its last lines name a setting."""
    if bare_run.start.seconds > soon_seconds:
        return fails(f"It took {bare_run.start.seconds:.1f} s to end without its settings.", evidence, by_time=True)
    if variable_names_in(bare_run.lines(20)):
        return holds(f"It ended after {bare_run.start.seconds:.1f} s and named the missing setting.", evidence)
    if has_settings or not bare_run.log:
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
        evidence.append(Evidence(source, _describe_file(file)))
    return evidence


def _secrets_in(text: str) -> list[tuple[str, str]]:
    """Return the secrets of a text, each with its name."""
    return [*assigned_secrets(text), *secrets_in(text)]


def _is_secret(file: Member) -> bool:
    """Return whether a file is one of secrets; ``file.head`` has the first bytes of its content."""
    if _SETTINGS_FILE.search(file.path):
        text = file.head.decode(errors="replace")
        text_without_comments = _COMMENT.sub("", text)
        return bool(_secrets_in(text_without_comments))
    if _SECRET_FILE.search(file.path) or _REPOSITORY_FOLDER.search(file.path):
        return True
    if _KEY_HEAD.match(file.head):
        return True

    is_binary = b"\0" in file.head  # a binary key has no head that names it
    return is_binary and bool(_KEY_NAME.search(file.path))


def _describe_file(file: Member) -> str:
    hidden = "" if file.visible else ", hidden by a later layer"
    return f"/{file.path}, {file.size_bytes} bytes, mode {file.mode & 0o7777:04o}{hidden}"
