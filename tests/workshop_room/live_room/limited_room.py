"""A live room in a process that may open few files. It prints its code, then answers each line of its input.

``fill``: open files until there are none left. ``idle``: print the seconds of CPU that it uses while it waits.
``release``: close the files again. ``joined``: print how many are in the room.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

from workshop_room.desk.classroom import Classroom
from workshop_room.desk.room_server import open_room

FILES = 256
"""What macOS lets a process open."""
IDLE_SECONDS = 2.0


def idle_cpu_seconds() -> float:
    """Return the CPU that this process uses while it waits."""
    began = time.process_time()
    time.sleep(IDLE_SECONDS)
    return time.process_time() - began


def open_all() -> list[int]:
    """Open files until there are none left."""
    files: list[int] = []
    while True:
        try:
            files.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return files


def tell(text: object) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    """Serve the room until the input ends."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    classroom = Classroom({}, {})
    server = open_room(folder / "code", "127.0.0.1")
    server.start(classroom)
    tell(server.code)
    files: list[int] = []
    for line in sys.stdin:
        match line.strip():
            case "fill":
                files = open_all()
                tell(len(files))
            case "idle":
                tell(idle_cpu_seconds())
            case "release":
                for file in files:
                    os.close(file)
                tell("released")
            case "joined":
                tell(len(classroom.snapshots()))
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
