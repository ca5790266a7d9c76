"""One run of the streaming pipeline, and all that was measured meanwhile."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from machine_probe import Exchange, MachineProbe
from observations import Observations, read_observations
from row_trace import RowTrace, Stay
from runners_under_test import ROOT, RunnerUnderTest
from stored_rows import Stored, StoredRows
from tecton_emulator import Emulator
from worker_memory import WorkerMemory

KEY_VARIABLE = "BEAM_TECTON_STREAMING_KEY"
WINDOW_SECONDS = 5.0
START_SECONDS = 180.0  # a pipeline may take as long beyond its sources' seconds
SAMPLE_SECONDS = 0.5


class Setting(NamedTuple):
    """What one trial changes."""

    name: str
    options: List[str]
    seconds: float
    service_ms: int = 0  # how long the emulator takes for each request


class Measured(NamedTuple):
    """Times ending in _us are microseconds of CLOCK_MONOTONIC."""

    setting: Setting
    stored: List[Stored]
    rows: List[Stay]  # in the worker
    bundles: List[Stay]
    outputs: Observations
    machine: List[Exchange]
    resident_kib: Dict[int, List[int]]  # of each worker, twice a second
    warm_up_seconds: float
    wall_us: int  # what the wall clock, whose seconds the outputs hold, is ahead by

    def steady_us(self) -> Tuple[int, int]:
        """When the warm-up was over, and when the last impulse was due."""
        due = [row.due_us for row in self.stored]
        return min(due) + round(self.warm_up_seconds * 1e6), max(due)

    def num_warm_up_samples(self) -> int:
        return round(self.warm_up_seconds / SAMPLE_SECONDS)


class TrialError(Exception):
    """The pipeline did not run to its end."""


def run_trial(runner: RunnerUnderTest, setting: Setting, emulator: Emulator, trace: RowTrace, folder: Path) -> Measured:
    """Runs the pipeline to its end. The emulator is emptied before."""
    notes, log = folder / f"{runner.name}-notes.jsonl", folder / f"{runner.name}.log"
    notes.unlink(missing_ok=True)
    emulator.reset()
    emulator.traffic(latency={"fixed_ms": setting.service_ms} if setting.service_ms else None)
    trace.mark()
    assert emulator.journal is not None
    store = StoredRows(emulator.journal)
    command = [sys.executable, str(Path(__file__).with_name("streaming_pipeline.py"))]
    command += [f"--seconds={setting.seconds}", f"--window_seconds={WINDOW_SECONDS}", f"--notes={notes}"]
    command += [f"--endpoint_url={emulator.endpoint}", "--workspace_name=prod", f"--api_key=env:{KEY_VARIABLE}"]
    command += [*runner.arguments, *runner.options_of_length(setting.seconds), *setting.options]
    authorization = f"Tecton-key {emulator.key_with_role('editor')}"
    with MachineProbe(emulator.url, authorization, setting.service_ms, folder / "machine.csv") as probe:
        memory = _run(command, runner, log, START_SECONDS + setting.seconds)
        machine = probe.exchanges()
    wall_us = (time.time_ns() - time.monotonic_ns()) // 1000  # what the clock of the rows is ahead by
    stored = [row._replace(due_us=row.due_us - wall_us) for row in store.read()]
    resident = {pid: values for one in memory for pid, values in one.resident_kib.items()}
    return Measured(
        setting,
        stored,
        trace.rows(),
        trace.bundles(),
        read_observations(notes),
        machine,
        resident,
        runner.warm_up_seconds,
        wall_us,
    )


def _run(command: List[str], runner: RunnerUnderTest, log: Path, limit: float) -> List[WorkerMemory]:
    path = os.pathsep.join([str(ROOT / "examples" / "flights"), str(Path(__file__).parent)])
    deadline = time.monotonic() + limit
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": path}
        )
        memory = [WorkerMemory(pid) for pid in runner.workers_below(process.pid)]
        try:
            while process.poll() is None and time.monotonic() < deadline:
                for one in memory:
                    one.sample()
                time.sleep(SAMPLE_SECONDS)
        finally:
            running: Optional[int] = process.poll()
            if running is None:
                process.kill()
                process.wait()
    if running != 0:
        what = f"exit code {running}" if running is not None else f"no end within {limit:.0f} s"
        raise TrialError(f"{what}; the end of {log}:\n{log.read_text(errors='replace')[-3000:]}")
    return memory
