"""What the lessons ask before an experiment, read from their notebooks: progress keeps only the keys of answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.learn.sentences import cell_sources


@dataclass(frozen=True)
class Question:
    """A prediction's question; ``choices`` maps the key of an answer to its text."""

    text: str
    choices: Mapping[str, str]


def asked(notebooks: Path) -> dict[str, Question]:
    """Every prediction of the lessons in a folder, by the id under which progress keeps the guess, in their order."""
    return {
        f"{path.stem}.{name}": question
        for path in sorted(notebooks.glob("*.ipynb"))
        for source in cell_sources(path)
        for name, question in questions_in(source)
    }


def questions_in(source: str) -> Iterator[tuple[str, Question]]:
    """The predictions that a cell asks for, if their words are written out there.

    >>> list(questions_in('guess = w.predict("tea", "Is it hot?", {"yes": "Yes.", "no": "No."})'))
    [('tea', Question(text='Is it hot?', choices={'yes': 'Yes.', 'no': 'No.'}))]
    """
    try:
        tree = compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "predict":
            try:
                name, text, choices = (ast.literal_eval(argument) for argument in node.args)
            except ValueError:  # made by the cell itself, or another number of words
                continue
            if isinstance(choices, dict):
                yield str(name), Question(str(text), {str(key): str(answer) for key, answer in choices.items()})
