"""The line of a mistake in YAML, and whether it is the indentation."""

from __future__ import annotations

import pytest

from workshop_kit.trials.yaml_problem import MisplacedKey, YamlProblem, misplaced_keys, yaml_problem

BEGIN = "services:\n  my-service:\n    build: .\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{BEGIN}    mem_limit: 96m\n     cpus: 0.5\n", YamlProblem(5, is_indentation=True)),
        (f"{BEGIN}    mem_limit: 96m\n   cpus: 0.5\n", YamlProblem(5, is_indentation=True)),
        (f"{BEGIN}\tmem_limit: 96m\n", YamlProblem(4, is_indentation=True)),
        ("qa:\n  image: x\n  secrets:\n  - { name: a }\n - { name: b }\n", YamlProblem(5, is_indentation=True)),
        ("  qa:\n    image: x\n secrets: 1\n", YamlProblem(3, is_indentation=True)),
        ("rules:\n  - alert: A\n  expr: 1\n", YamlProblem(3, is_indentation=True)),
        ("rules:\n  - alert: A\n    expr: >-\n      1\n  for: 2s\n", YamlProblem(5, is_indentation=True)),
        (f"{BEGIN}    mem_limit 96m\n    cpus: 0.5\n", YamlProblem(5, is_indentation=False)),
        ("qa: { image: x\nstaging: 2\n", YamlProblem(2, is_indentation=False)),
        ("qa: \x00", YamlProblem(1, is_indentation=False)),
        (f"{BEGIN}    ports:\n    - 8080\n    cpus: 0.5\n", None),
        ("", None),
    ],
)
def test_the_line_of_a_mistake_is_named(text: str, problem: YamlProblem | None) -> None:
    """A line that begins where nothing before it begins is badly indented; a missing colon is no such thing."""
    assert yaml_problem(text) == problem


def test_a_key_of_another_level_is_found() -> None:
    """The text is YAML, and says something else than it looks like."""
    parents = {"cpus": {"my-service", "limits"}, "limits": {"resources"}}
    beside = f"{BEGIN}  cpus: 0.5\n"
    assert list(misplaced_keys(beside, parents)) == [MisplacedKey(4, "cpus", "services")]
    assert list(misplaced_keys(f"{BEGIN}    limits:\n      cpus: 1\n", parents)) == [
        MisplacedKey(4, "limits", "my-service")
    ]
    assert list(misplaced_keys(f"{BEGIN}    cpus: 0.5\n", parents)) == []
