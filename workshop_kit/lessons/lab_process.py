"""The process of JupyterLab: it ends, and its kernels with it, once the process that started it has ended.

That holds after ``kill -9``, too, and without an engine, which the reaper needs: then the book is open. `lab` runs this
file with the id of its own process, then JupyterLab's options.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

LOOK_SECONDS = 0.5
STOP_SECONDS = 10.0


def end_with_parent(parent_id: int) -> None:
    """Wait until this process has another parent, then end it; kill it when it does not end in time."""
    while os.getppid() == parent_id:
        time.sleep(LOOK_SECONDS)

    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)  # its kernels notice that, and end


if __name__ == "__main__":
    from jupyterlab.labapp import main

    threading.Thread(target=end_with_parent, args=[int(sys.argv.pop(1))], daemon=True).start()
    sys.exit(main())
