"""Read a fragment of YAML: data, and only data."""

from __future__ import annotations

from typing import Any

import yaml

from workshop_kit.errors import WrongUsage


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)


def plain_yaml(text: str) -> Any:
    """What a YAML text says, as lists, mappings, text and numbers. Raises WrongUsage with one sentence."""
    try:
        return yaml.load(text, _PlainLoader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise WrongUsage(
            f"This is no YAML{line}: {error.problem}.", "Look at the colons and the indentation."
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise WrongUsage(
            "This is no YAML that can be read here.", "Write plain keys, numbers and words, without anchors (&, *)."
        ) from None
