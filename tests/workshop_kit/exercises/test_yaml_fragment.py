"""Reading a fragment of YAML: one sentence for what is none, and nothing that explodes."""

from __future__ import annotations

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.checks.yaml_fragment import plain_yaml

LAUGHS = "\n".join(
    ["a0: &a0 {x: y}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12))]
)


def fragment(*lines: str) -> str:
    """A file with these lines under ``service:``."""
    return "\n".join(["services:", "  service:", *(f"    {line}" for line in lines), ""])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (fragment("image: x", " cpus: 1"), "line 4"),
        (fragment(f"pids_limit: {'9' * 5000}"), "no YAML"),
        (fragment("image: !!python/object/apply:os.system ['true']"), "line 3"),
        (LAUGHS, "no YAML"),
        ("\x00\x01", "no YAML"),
    ],
)
def test_what_is_no_fragment_is_one_sentence(text: str, says: str) -> None:
    """No traceback, no gigabytes, no code that runs."""
    with pytest.raises(WrongUsage) as refused:
        plain_yaml(text)
    assert says in refused.value.what
    assert len(refused.value.what) < 200
    assert refused.value.next_step
