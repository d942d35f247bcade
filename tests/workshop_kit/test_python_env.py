"""The environment's installation: one at a time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workshop_kit import python_env
from workshop_kit.errors import NotReady
from workshop_kit.host import HOME_ADVICE

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


def test_a_home_that_cannot_be_written_is_not_the_networks_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv fails there, since it keeps files in the home folder: the sentence says so."""
    monkeypatch.setenv("HOME", "/proc/none")
    with pytest.raises(NotReady) as caught:
        python_env._run(["false"], "uv failed.", python_env.NETWORK_ADVICE)
    assert caught.value.next_step == HOME_ADVICE
