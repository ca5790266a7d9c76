"""Workers that die: the pipeline fails and says so, and does not hang."""

import os
import signal
import threading
import time
from typing import Any, Iterator

import pytest
from pipelines import events, failure
from refusal_test import says
from tecton_emulator import Emulator

from beam_tecton import local_service

WAIT_SECONDS = 30.0


def kill_a_worker_that_sends(emulator: Emulator) -> None:
    """Waits until the first request was answered, then kills the worker, which waits for the others."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        workers = [pid for service in local_service._services for pid in service.workers()]
        if workers and emulator.counters()["requests"]:
            os.kill(workers[0], signal.SIGKILL)
            return
        time.sleep(0.02)


@pytest.fixture
def _no_hang() -> Iterator[None]:
    """Interrupts a pipeline that hangs; Prism is only started from the main thread, so it cannot wait elsewhere."""

    def interrupt(signum: int, frame: Any) -> None:
        raise TimeoutError(f"the pipeline hangs: not over after {WAIT_SECONDS:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, WAIT_SECONDS)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


# Beam's thread that reads from the worker ends with an exception of its own.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.usefixtures("_no_hang")
def test_a_worker_that_is_killed_fails_the_pipeline(runner, emulator):
    emulator.faults({"after": 1, "delay_ms": 2000, "times": -1})
    killer = threading.Thread(target=kill_a_worker_that_sends, args=(emulator,), daemon=True)
    killer.start()
    text = failure(runner, emulator, events(25))
    says(text, {"direct": "Channel closed prematurely", "prism": "SDK worker disconnected"}[runner.name])
    killer.join(WAIT_SECONDS)
    # What it had sent comes to its end in the emulator before the next test begins.
    time.sleep(2.5)
