"""Secrets where anybody can read them: the image's environment, its history, ``docker inspect``."""

from __future__ import annotations

from workshop_kit.audit.data import Evidence, Judged, fails, holds, not_applicable
from workshop_kit.audit.masking import assigned_secrets, masked, secrets_among, secrets_in
from workshop_kit.audit.subject import Subject


def in_image_environment(subject: Subject) -> Judged:
    """Variables that the image sets, judged by their names and values."""
    variables = subject.image_environment
    ran = "docker image inspect: Config.Env"
    if found := secrets_among(variables):
        said = f"The image sets {_listed(found)}."
        return fails(said, *(Evidence(ran, f"{name}={masked(secret)}") for name, secret in found.items()))
    return holds(
        f"None of its {len(variables)} variables looks like a secret.", Evidence(ran, ", ".join(variables) or "none")
    )


def in_inspect(subject: Subject) -> Judged:
    """Variables that were given to the container when it was started."""
    if subject.target.container is None:
        return not_applicable("An image gets its secrets only when it is started.")
    given = {name: value for name, value in subject.environment.items() if subject.image_environment.get(name) != value}
    ran = "docker inspect: Config.Env"
    if found := secrets_among(given):
        said = f"It was given {_listed(found)} as a variable."
        return fails(said, *(Evidence(ran, f"{name}={masked(secret)}") for name, secret in found.items()))
    return holds(
        f"None of the {len(given)} variables given to it looks like a secret.",
        Evidence(ran, ", ".join(given) or "none"),
    )


def in_history(subject: Subject) -> Judged:
    """Build arguments and commands, as ``docker history`` keeps them."""
    evidence = []
    defaults = set(secrets_among(subject.image_environment).values())
    for number, step in enumerate(subject.history):
        text = str(step.get("CreatedBy") or "")
        found = [*assigned_secrets(text), *secrets_in(text)]
        subject.mask.learn(*(secret for _, secret in found))
        if text.startswith("ENV ") and {secret for _, secret in found} <= defaults:
            continue  # the same finding as the environment's: one fault, one rule
        if found:
            names = ", ".join(dict.fromkeys(name for name, _ in found))
            evidence.append(Evidence(f"docker history, step {number + 1}", f"{names}: {text}"))
    if evidence:
        return fails(f"{_count(len(evidence), 'step')} of its history show what looks like a secret.", *evidence)
    return holds(
        f"None of the {len(subject.history)} steps shows one.", Evidence("docker history --no-trunc", "nothing")
    )


def _listed(found: dict[str, str]) -> str:
    return ", ".join(found)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"
