"""What two of the faults take, to hold on to until they are undone: memory, and the processor's time."""

from __future__ import annotations

import asyncio
import mmap
import threading
import time

MIB = 1024 * 1024
LEAK_STEP_SECONDS = 0.1
BURN_SLICE_SECONDS = 0.05


class Leak:
    """Takes memory, up to a bound. It maps pages: once they are closed, the kernel has them back for certain."""

    def __init__(self, mib_per_second: float, at_most_mib: float) -> None:
        self._step_bytes = max(mmap.PAGESIZE, int(mib_per_second * MIB * LEAK_STEP_SECONDS))
        self._left_bytes = int(at_most_mib * MIB)
        self._held: list[mmap.mmap] = []
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._left_bytes > 0:
            size_bytes = min(self._step_bytes, self._left_bytes)
            try:
                taken = mmap.mmap(-1, size_bytes)
            except OSError:  # there is no more to be had
                return
            self._held.append(taken)
            for page in range(0, size_bytes, mmap.PAGESIZE):
                taken[page] = 1  # only what was written to is really taken
            self._left_bytes -= size_bytes
            await asyncio.sleep(LEAK_STEP_SECONDS)

    def stop(self) -> None:
        """Give it all back."""
        self._task.cancel()
        for taken in self._held:
            taken.close()


class Burn:
    """Computes in a thread, for a share of one core.

    One interpreter runs one thread at a time. An event loop that was idle for a moment therefore waits for its turn,
    up to 5 ms (``sys.getswitchinterval()``), again after every wait: many small delays, no standstill.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="burn", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            slice_ends = time.monotonic() + BURN_SLICE_SECONDS
            burnt_at = time.thread_time() + BURN_SLICE_SECONDS * self._share
            while time.thread_time() < burnt_at and time.monotonic() < slice_ends and not self._stopped.is_set():
                sum(range(1000))
            self._stopped.wait(max(0.0, slice_ends - time.monotonic()))

    def stop(self) -> None:
        """Stop computing, and wait until the thread has ended."""
        self._stopped.set()
        self._thread.join()
