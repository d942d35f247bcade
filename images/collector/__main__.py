"""The words on the command line: ``run`` (what the container does), ``flush`` and ``status`` (asked inside it)."""

from __future__ import annotations

import os
import sys

from .words import say


def main(words: list[str]) -> int:
    """Do what the first word says; return the exit code."""
    word, rest = words[0] if words else "run", words[1:]
    if word in {"run", "read", "upload"}:
        try:
            return _work(word)
        except OSError as error:
            say("error", f"cannot {word}", error=str(error))
            return 1
    if word in {"flush", "status"}:
        from . import asked

        return asked.flush(float(rest[0])) if word == "flush" else asked.status()
    sys.stderr.write("collector: run, read, upload, flush SECONDS or status\n")
    return 2


def _work(word: str) -> int:
    if word == "run":
        from . import supervisor

        return supervisor.run()
    if word == "read":
        from . import reader

        return reader.run(os.environ)
    from . import uploader

    return uploader.run(os.environ)


sys.exit(main(sys.argv[1:]))
