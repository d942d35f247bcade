"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]
NoInstall = Annotated[
    bool, typer.Option("--no-install", help="Neither install nor start anything on the machine; say what is missing.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="The numbers of this table; from now on, for every exercise.")]
Lessons = Annotated[list[str] | None, typer.Argument(help="Lessons, or beginnings such as 02; none means all.")]
ExerciseId = Annotated[
    str,
    typer.Argument(
        metavar="EXERCISE", help="The exercise: container.limits, or a beginning that no other has, as container.li."
    ),
]
