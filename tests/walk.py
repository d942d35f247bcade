"""A program that runs a command of ``./workshop`` and lists those of our files in which a function ran.

``python -m tests.walk OUT check container.graceful`` writes them to OUT, a line each. ``start`` finds a machine without
an engine and without images: nothing is installed or built in truth, and JupyterLab is stopped once it answers.
"""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

from workshop_kit import cli
from workshop_kit.engine import images, reach, shell
from workshop_kit.errors import NotReady
from workshop_kit.lessons import lab_process
from workshop_kit.paths import CHECKOUT

OURS = ("workshop_kit", "container_audit", "workshop_room")
CHANGES_THE_MACHINE = {"apt-get", "sh", "usermod", "buildx"}
COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
"""Up to Python 3.11 they are functions of their own; in a module's body they run when it is imported."""


class Walk:
    """The files in which functions were executed since the start, as paths in the checkout."""

    def __init__(self) -> None:
        self._files = set[str]()

    def start(self) -> None:
        """Begin to note each call of a function, in every thread."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def stop(self) -> list[str]:
        """End it, and return the modules; a template of Jinja, which runs as functions too, is none."""
        sys.setprofile(None)
        threading.setprofile(None)
        paths = [Path(name) for name in self._files if Path(name).is_relative_to(CHECKOUT)]
        names = [path.relative_to(CHECKOUT) for path in paths if path.suffix == ".py"]
        return sorted(name.as_posix() for name in names if name.parts[0] in OURS)

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # the body of a module or class is none
        if event == "call" and is_function and code.co_name not in COMPREHENSIONS:
            self._files.add(code.co_filename)


@contextmanager
def bare_machine() -> Iterator[None]:
    """Let ``start`` find no engine at first, no image but the base, and an end of JupyterLab at once."""
    answers = iter([NotReady("There is no engine.", "Install one.")])
    connect = reach.connect
    running = shell.running
    which = shutil.which
    run = subprocess.run
    wait = subprocess.Popen.wait
    missing = set[str]()

    def first_no_engine(*arguments: Any, **options: Any) -> Any:
        for error in answers:
            raise error
        return connect(*arguments, **options)

    def harmless(words: Any) -> Any:
        return ["true"] if CHANGES_THE_MACHINE & set(map(str, words)) else words

    def has_image(_: Any, tag: str) -> bool:
        is_there = "/base:" in tag or tag in missing
        missing.add(tag)
        return is_there

    def ended(process: Any, *arguments: Any, **options: Any) -> Any:
        if lab_process.__file__ in process.args and not arguments and not options:
            raise KeyboardInterrupt
        return wait(process, *arguments, **options)

    with ExitStack() as stack:
        for target, name, fake in (
            (reach, "connect", first_no_engine),
            (shell, "running", lambda words, environment=None: running(harmless(words), environment)),
            (shutil, "which", lambda name, *more, **options: name != "dockerd" and which(name, *more, **options)),
            (subprocess, "run", lambda words, *more, **options: run(harmless(words), *more, **options)),
            (images, "has_image", has_image),
            (subprocess.Popen, "wait", ended),
        ):
            stack.enter_context(mock.patch.object(target, name, fake))
        yield


def main() -> None:
    """Run the command line, and write the list."""
    output, *words = sys.argv[1:]
    sys.argv = ["./workshop", *words]
    walk = Walk()
    with ExitStack() as stack:
        if words[0] == "start":
            stack.enter_context(bare_machine())
        walk.start()
        try:
            cli.main()
        finally:
            Path(output).write_text("\n".join(walk.stop()))


if __name__ == "__main__":
    main()
