"""The common mistakes in YAML: each is named, with its line."""

from __future__ import annotations

import pytest

from workshop_kit.trials.yaml_problem import yaml_finding

BEGIN = "services:\n  my-service:\n    build: .\n"
PARENTS = {"cpus": {"my-service", "limits"}, "limits": {"resources"}}
MISTAKES = [
    (f"{BEGIN}    mem_limit: 96m\n     cpus: 0.5\n", "line 5: the indentation is wrong"),
    (f"{BEGIN}    mem_limit: 96m\n   cpus: 0.5\n", "line 5: the indentation is wrong"),
    ("qa:\n  image: x\n  secrets:\n  - { name: a }\n - { name: b }\n", "line 5: the indentation is wrong"),
    ("  qa:\n    image: x\n secrets: 1\n", "line 3: the indentation is wrong"),
    ("rules:\n  - alert: A\n  expr: 1\n", "line 3: the indentation is wrong"),
    (f"{BEGIN}\tmem_limit: 96m\n", "line 4: the line begins with a tab"),
    (f"{BEGIN}    mem_limit 96m\n    cpus: 0.5\n", "line 4: this key has no colon"),
    ("qa:\n  image x\n  secrets: []\n", "line 3: the indentation is wrong, or the line before has no colon"),
    ("qa: { image: x\nstaging: 2\n", "line 1: a bracket or a quote"),
    ('qa: "x\nstaging: 2\n', "line 1: a bracket or a quote"),
    (f"{BEGIN}  cpus: 0.5\n", "line 4: by its indentation `cpus` belongs to services"),
    (f"{BEGIN}    limits:\n      cpus: 1\n", "line 4: by its indentation `limits` belongs to my-service"),
    ("qa: %b\n", "line 1: this is no YAML: found character '%'"),
    ("qa: \x00", "is no YAML: unacceptable character"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_each_common_mistake_is_named(text: str, words: str) -> None:
    """By the line in which it was made, and not by that in which a reader noticed it."""
    finding = yaml_finding("compose.yaml", text, "refused", PARENTS)
    assert finding is not None
    assert words in finding.means


@pytest.mark.parametrize("text", ["", f"{BEGIN}    ports:\n    - 8080\n    cpus: 0.5\n"])
def test_a_right_text_has_no_finding(text: str) -> None:
    """Items may stand in the column of their key."""
    assert yaml_finding("compose.yaml", text, "", PARENTS) is None
