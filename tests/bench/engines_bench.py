"""What a whole pipeline does with each caller and runner, with our sink and with a null sink: `./run bench engines`.

The same pipeline makes rows in each SDK and writes them to the emulator, or counts and drops them in the SDK's own
worker: the difference is the sink, the rest is the runner's and the SDK's. Each runs with few and with many rows, and
what the few took is taken off, so that starting processes and shipping jars does not count. CPU is that of the
processes themselves: our worker (as its pool saw it end), the program with the SDK's steps, and the runner's processes.

Writes build/bench/engines.json: a list of {name, value, unit, bar, met, against}, without bars.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).parent))
from bench_report import FOLDER, Figure, print_table, write_json
from delivery_trial import KEY, running_emulator
from engine_callers import arguments, commands
from engine_runners import RUNNERS, Runner
from sink_step import PROGRAM

FEW = 1_000
RUN_SECONDS = 300.0
WORKER_END_SECONDS = 10.0
TICKS_US = 1e6 / os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """One run, or the difference of two."""

    rows: int
    seconds: float
    program_us: float
    runner_us: float
    worker_us: float

    def beyond(self, other: Cost) -> Cost:
        return Cost(*(mine - others for mine, others in zip(self, other, strict=True)))


class Pool:
    """An expansion service, whose pool starts the workers of all runs."""

    def __init__(self, process: subprocess.Popen, address: str) -> None:
        self.address = address
        self._pid = process.pid

    def ended_workers_us(self) -> float:
        """CPU time of the workers that have ended, which the kernel adds to the pool's account."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) * TICKS_US

    def workers(self) -> List[str]:
        # Each thread has its own; workers are started by those that serve calls.
        return [pid for file in Path(f"/proc/{self._pid}/task").glob("*/children") for pid in file.read_text().split()]


@contextlib.contextmanager
def running_pool() -> Iterator[Pool]:
    with (FOLDER / "pool.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAM), "expansion-service", "--port", "0", "--exit-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "TECTON_API_KEY": KEY},
            text=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Pool(process, process.stdout.readline().split()[-1])
    finally:
        process.stdin.close()
        process.wait()


def run(caller: str, runner: Runner, pool: Pool, rows: int, endpoint_url: Optional[str]) -> Cost:
    """One pipeline to its end; RuntimeError when it fails."""
    command = [*commands()[caller], *arguments(caller, rows, endpoint_url, pool.address), *runner.arguments[caller]]
    log = FOLDER / f"{caller}-{runner.name}.log"
    runner_before, worker_before, started = runner.cpu_us(), pool.ended_workers_us(), time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        usage = _wait(process)
    seconds = time.monotonic() - started
    if process.returncode != 0:
        raise RuntimeError(f"exit code {process.returncode}; see {log}")
    deadline = time.monotonic() + WORKER_END_SECONDS
    while pool.workers() and time.monotonic() < deadline:
        time.sleep(0.01)
    return Cost(rows, seconds, usage, runner.cpu_us() - runner_before, pool.ended_workers_us() - worker_before)


def _wait(process: subprocess.Popen) -> float:
    """Waits for its end and returns the CPU time of it and of those of its children that it has waited for."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid != 0:
            process.returncode = os.waitstatus_to_exitcode(status)
            return (usage.ru_utime + usage.ru_stime) * 1e6
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise RuntimeError(f"not done after {RUN_SECONDS:.0f} s")
        time.sleep(0.01)


def figures_of(caller: str, runner: Runner, pool: Pool, endpoint_url: str, rows: int) -> Iterator[Figure]:
    many = rows * runner.times_the_rows

    def cost(url: Optional[str]) -> Cost:
        return run(caller, runner, pool, many, url).beyond(run(caller, runner, pool, FEW, url))

    sink, null = cost(endpoint_url), cost(None)
    if sink.seconds <= 0:
        raise RuntimeError(f"{many:,} rows took no longer than {FEW:,}: the machine is too busy to tell")
    label = f"{caller} on {runner.name}"
    # A null sink may be done before a start that happened to be slow; then its column stays empty.
    nulls = {"null": null.rows / null.seconds} if null.seconds > 0 else {}
    yield Figure(f"{label}: throughput", sink.rows / sink.seconds, "rows/s", against=nulls)
    yield Figure(
        f"{label}: CPU of our worker",
        sink.worker_us / sink.rows,
        "us a row",
        against={
            "program": sink.program_us / sink.rows,
            "runner": sink.runner_us / sink.rows,
            "null: program": null.program_us / null.rows,
            "null: runner": null.runner_us / null.rows,
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows: a look, not a figure to quote")
    parser.add_argument("--runner", choices=list(RUNNERS), help="one runner")
    parser.add_argument("--caller", choices=["Python", "Java", "Go"], help="one caller")
    given = parser.parse_args()
    rows = 100_000 if given.quick else 400_000
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} cores; {rows:,} rows of six fields, 10 a request, to the emulator")
    figures: List[Figure] = []
    with running_emulator() as emulator, running_pool() as pool:
        for name, start in RUNNERS.items():
            if given.runner not in (None, name):
                continue
            with start() as runner:
                for caller in commands():
                    if given.caller not in (None, caller) or caller not in runner.arguments:
                        continue
                    print(f"  {caller} on {name} ...", flush=True)
                    try:
                        figures += figures_of(caller, runner, pool, f"{emulator.url}/ingest", rows)
                    except RuntimeError as problem:
                        figures.append(Figure(f"{caller} on {name}", None, "-", why=str(problem)))
    print_table(figures, "sink")
    write_json(figures, FOLDER / "engines.json")


if __name__ == "__main__":
    main()
