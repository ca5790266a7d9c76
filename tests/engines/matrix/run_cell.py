"""Runs the pipeline of one cell and compares what was sent, what the runner counted and what the emulator has."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from caller_command import Task, command, needs_job_endpoint  # noqa: E402
from cell import Cell  # noqa: E402
from expected_purchases import differences, purchase  # noqa: E402
from job_service import prism_service  # noqa: E402
from tecton_emulator import Emulator  # noqa: E402
from worker_watch import PROGRAM, WorkerWatch  # noqa: E402

COUNT, BROKEN = 60, 3
VIEW = "latest_purchase"
ANSWER_MS = 300  # so that the worker lives long enough to be seen
PIPELINE_SECONDS = 240.0
MOST_PROBLEMS = 6  # shown of one cell
LOG_END = 2500  # characters of a failed caller's log


class Outcome(NamedTuple):
    """What one cell came to."""

    problems: List[str]
    seconds: float
    requests: int
    starters: List[str]  # of each worker, the program that started it


def run_cell(
    cell: Cell,
    emulator: Emulator,
    folder: Path,
    flink: Optional[str] = None,
    worker_pool: Optional[str] = None,
) -> Outcome:
    """Runs a cell's pipeline.

    Args:
      emulator: is emptied first; the environment has its key.
      folder: gets the caller's log and files.
      flink: endpoint of the job server, for cells of Flink.
      worker_pool: address of a pool that runs by itself, for cells that do not use their expansion service's.
    """
    emulator.reset()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        job_endpoint = flink
        if cell.runner == "prism" and needs_job_endpoint(cell):
            job_endpoint = stack.enter_context(prism_service(folder / "prism.log")).endpoint
        task = Task(cell, emulator.endpoint, COUNT, BROKEN, job_endpoint, worker_pool, folder)
        if cell.caller == "yaml":
            write_csv(folder / "purchases.csv")
        emulator.traffic(latency={"fixed_ms": ANSWER_MS})
        stack.callback(emulator.traffic)
        watch = stack.enter_context(WorkerWatch())
        started = time.monotonic()
        problem = run_caller(task)
        seconds = time.monotonic() - started
    refusal = cell.refusal()
    if refusal is not None:
        problems = [] if refusal.error is not None and refusal.error in problem else [f"it was not refused: {problem}"]
    elif problem:
        problems = [problem]
    else:
        problems = compare(task, emulator, watch.starters())
    return Outcome(problems[:MOST_PROBLEMS], seconds, emulator.counters()["requests"], watch.starters())


def write_csv(path: Path) -> None:
    """The purchases as a table; the broken ones have a time that is none, since a table's NaN is a null."""
    names = ["user_id", "amount", "items", "small", "paid", "words", "channel", "city", "lat", "event_time"]
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, names, extrasaction="ignore")
        table.writeheader()
        for n in range(COUNT + BROKEN):
            row = purchase(n)
            row.update(row["labels"], **row["shop"], words=" ".join(row["tags"]), paid=str(row["paid"]).lower())
            if n >= COUNT:
                row["event_time"] = "not a time"
            table.writerow(row)


def run_caller(task: Task) -> str:
    """Runs the program to its end; what went wrong, or nothing."""
    log = task.folder / "caller.log"
    with log.open("wb") as errors, (task.folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command(task),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            cwd=task.folder,
            start_new_session=True,
        )
        try:
            code = process.wait(PIPELINE_SECONDS)
        except subprocess.TimeoutExpired:
            return f"it did not end within {PIPELINE_SECONDS:.0f} s; see {log}"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return "" if code == 0 else f"exit code {code}; the end of {log}:\n{log.read_text(errors='replace')[-LOG_END:]}"


def compare(task: Task, emulator: Emulator, starters: List[str]) -> List[str]:
    expected = [purchase(n, task.no_negative_int32) for n in range(COUNT)]
    problems = differences(emulator.rows(VIEW), expected)
    seen, counted = emulator.counters(), printed_counters(task)
    wanted = [
        ("records that the emulator stored", seen["records_written"], COUNT),
        ("the runner's records_written", counted.get("records_written"), COUNT),
        ("the runner's write_requests", counted.get("write_requests"), seen["requests"]),
        ("the runner's records_failed", counted.get("records_failed"), BROKEN),
    ]
    wanted.append(("rows of the dead-letter output", num_dead_letters(task), BROKEN))
    # YAML counts nothing by itself, and Prism may lose what steps after ours count (README).
    if task.cell.caller != "yaml" and task.cell.runner != "prism":
        wanted.append(("the dead letters that a step counted", counted.get("failed"), BROKEN))
        wanted.append(("the records that a step counted in `written`", counted.get("written"), COUNT))
    problems += [f"{what}: {found} instead of {right}" for what, found, right in wanted if found != right]
    return problems + wrong_starters(task.cell, starters)


def wrong_starters(cell: Cell, starters: List[str]) -> List[str]:
    """A worker of PROCESS is started by the runner, one of EXTERNAL by the pool, which is our program."""
    if not starters:
        return ["no worker process was seen"]
    wrong = [starter for starter in starters if starter.startswith(PROGRAM) != (cell.environment == "EXTERNAL")]
    return [f"a worker was started by {starter}, which is not {cell.environment}" for starter in wrong]


def printed_counters(task: Task) -> Dict[str, int]:
    """The last line of the caller's output."""
    last = (task.folder / "output").read_text().strip().rsplit("\n", 1)[-1]
    return json.loads(last) if last.startswith("{") else {}


def num_dead_letters(task: Task) -> int:
    """YAML writes them to files, the others log each."""
    if task.cell.caller == "yaml":
        return sum(len(file.read_text().splitlines()) for file in task.folder.glob("refused*"))
    return (task.folder / "caller.log").read_text(errors="replace").count(" was refused: ")
