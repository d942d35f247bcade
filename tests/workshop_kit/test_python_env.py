"""The environment's installation: one at a time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workshop_kit import python_env

INSTALLATIONS = 12


def test_one_installation_at_a_time(tmp_path: Path) -> None:
    """The one that is done removes the lock's file, while others wait for it and more begin."""
    running = threading.Semaphore(1)

    def install(number: int) -> bool:
        time.sleep(0.01 * number)
        with python_env._installation_lock(tmp_path):
            is_alone = running.acquire(blocking=False)
            time.sleep(0.03)
            if is_alone:
                running.release()
            return is_alone

    with ThreadPoolExecutor(INSTALLATIONS) as pool:
        assert all(pool.map(install, range(INSTALLATIONS)))
    assert list(tmp_path.iterdir()) == []
