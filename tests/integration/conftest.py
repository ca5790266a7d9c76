"""The emulator, the runners, and the check that the tests leave no process behind."""

import logging
import os
import time
import uuid
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
from pipelines import BAD_KEY_VARIABLE, KEY_VARIABLE, READ_ONLY_KEY_VARIABLE, Runner
from tecton_emulator import CONFIGS, ROOT, Emulator

from beam_tecton import local_service

PRISM = ROOT / "build" / "bin" / "prism"
LOGS = ROOT / "build" / "logs"

# Marks every process that the tests start, directly or not.
RUN_VARIABLE = "BEAM_TECTON_INTEGRATION_RUN"
END_SECONDS = 5.0


@pytest.fixture(scope="session", autouse=True)
def _nothing_left() -> Iterator[None]:
    """Fails the last test when a native process of this session outlives it."""
    os.environ[RUN_VARIABLE] = uuid.uuid4().hex
    yield
    # Beam's runners log while the interpreter ends, to streams that pytest has closed by then.
    logging.raiseExceptions = False
    local_service.stop_all()
    deadline = time.monotonic() + END_SECONDS
    while (left := _native_processes(os.environ[RUN_VARIABLE])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == [], "native processes outlive the tests"


@pytest.fixture(scope="session")
def _emulator(_nothing_left: None) -> Iterator[Emulator]:
    with Emulator(CONFIGS / "integration.json", LOGS / "integration-emulator.log") as emulator:
        # The service hands its environment on to workers, so the keys are there before it starts.
        os.environ[KEY_VARIABLE] = emulator.key_with_role("editor")
        os.environ[READ_ONLY_KEY_VARIABLE] = emulator.key_with_role("viewer")
        os.environ[BAD_KEY_VARIABLE] = "a-key-nobody-knows"
        yield emulator


@pytest.fixture
def emulator(_emulator: Emulator) -> Emulator:
    """The session's emulator, empty."""
    _emulator.reset()
    return _emulator


@pytest.fixture
def direct() -> Runner:
    """Beam's own runner, for what does not depend on the runner."""
    return Runner("direct", ())


@pytest.fixture(params=["direct", "prism"])
def runner(request: pytest.FixtureRequest, direct: Runner) -> Runner:
    if request.param == "direct":
        return direct
    if not PRISM.is_file():
        pytest.skip(f"Prism is not built: {PRISM} is not there. ./run test builds it")
    return Runner("prism", ("--runner=PrismRunner", f"--prism_location={PRISM}"))


def _native_processes(run: str) -> List[Tuple[int, str]]:
    mark = f"{RUN_VARIABLE}={run}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program = process.joinpath("cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            environment = process.joinpath("environ").read_bytes()
        except OSError:
            continue
        # The emulator is ended by its own fixture, after this one was set up and so before it is torn down.
        if "beam-tecton" in Path(program).name and mark in environment.split(b"\0"):
            found.append((int(process.name), program))
    return found
