"""What promtool says, in one sentence: words that were recorded from promtool 2.53."""

from __future__ import annotations

import pytest

from workshop_kit.engine.monitoring import refusal

FILE = """groups:
  - name: mine
    rules:
      - alert: Mine
        expr: sum(up
        for: often
        annotations: { summary: "{{ $valu }}" }
"""


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            'FAILED:\n/d/a.yml: 5:15: group "mine", rule 1, "Mine": could not parse expression: 1:7: parse error',
            'a.yml, line 5: group "mine", rule 1, "Mine": could not parse expression: 1:7: parse error.',
        ),
        (
            "Checking /d/a.yml\n  FAILED:\n/d/a.yml: yaml: unmarshal errors:\n  line 9: field forr not found in type R",
            "a.yml, line 9: field forr not found in type R.",
        ),
        (
            'Checking /d/a.yml\n  FAILED:\n/d/a.yml: not a valid duration string: "often"',
            'a.yml, line 6: not a valid duration string: "often".',
        ),
        (
            'FAILED:\n/d/a.yml: group "mine", rule 1: template: undefined variable "$valu"',
            'a.yml, line 7: group "mine", rule 1: template: undefined variable "$valu".',
        ),
        (
            '  FAILED: error loading scrape configs: "/d/a.yml": found multiple scrape configs with job name "x y"',
            'a.yml: found multiple scrape configs with job name "x y".',
        ),
        ("no such command", "a.yml: no such command."),
    ],
)
def test_the_line_is_in_the_sentence(said: str, sentence: str) -> None:
    """promtool's line, else the one that has the words it quotes, else none."""
    assert refusal(said, "a.yml", FILE) == sentence
