"""The checks, one file a lesson; importing this package registers all of them in ``CHECKS``, by exercise id."""

from workshop_kit.learn.exercise.checks import container
from workshop_kit.learn.exercise.judging import CHECKS, Context, Judged, check

__all__ = ["CHECKS", "Context", "Judged", "check", "container"]
