"""Every caller on every engine: `./run matrix`.

Each cell is one pipeline as its user would run it. It must store what was sent, field by field; the runner's own
counters must be the emulator's; refused rows must come out of their output; and the worker must be started as was
asked for. Cells that Beam cannot run are tried too, where they can be, and must fail as the table says.
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

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "engines" / "flink")]

from caller_command import KEY_VARIABLE  # noqa: E402
from cell import CALLERS, RUNNERS, Cell, cells  # noqa: E402
from flink_cluster import Cluster  # noqa: E402
from job_service import end  # noqa: E402
from run_cell import BROKEN, COUNT, Outcome, run_cell  # noqa: E402
from tecton_emulator import CONFIGS, Emulator  # noqa: E402
from worker_watch import WorkerWatch  # noqa: E402

FOLDER = ROOT / "build" / "matrix"
BINARY = ROOT / "bazel-bin" / "worker" / "beam-tecton"
# In these cells of Flink the worker comes from a pool that runs by itself, in the others from the expansion service's.
OWN_POOL = ("java", "yaml")


class Line(NamedTuple):
    cell: Cell
    outcome: Optional[Outcome]  # None: not tried


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--caller", choices=CALLERS, action="append", help="only this one; may be given again")
    parser.add_argument("--runner", choices=RUNNERS, action="append", help="only this one; may be given again")
    given = parser.parse_args()
    callers, runners = given.caller or CALLERS, given.runner or RUNNERS
    wanted = list(cells(callers, runners))
    FOLDER.mkdir(parents=True, exist_ok=True)
    WorkerWatch()  # marks what is started from here on
    print(f"Each cell: {COUNT} rows to write, {BROKEN} more to be refused. Logs: {FOLDER}")
    with Emulator(CONFIGS / "integration.json", FOLDER / "emulator.log") as emulator:
        os.environ[KEY_VARIABLE] = emulator.key_with_role("editor")
        table = [run_line(cell, emulator) for cell in wanted if cell.runner != "flink"]
        if "flink" in runners:
            started = time.monotonic()
            with Cluster(FOLDER / "flink") as cluster, worker_pool() as pool:
                job_server = cluster.start_job_server()
                version = cluster.rest("/overview")["flink-version"]
                print(f"Flink {version}: {time.monotonic() - started:.0f} s to start", flush=True)
                table += [run_line(cell, emulator, job_server, pool) for cell in wanted if cell.runner == "flink"]
    return report(sorted(table, key=lambda line: wanted.index(line.cell)))


def run_line(cell: Cell, emulator: Emulator, flink: Optional[str] = None, pool: Optional[str] = None) -> Line:
    refusal = cell.refusal()
    if refusal is not None and refusal.error is None:
        return Line(cell, None)
    own = pool if cell.environment == "EXTERNAL" and cell.caller in OWN_POOL else None
    outcome = run_cell(cell, emulator, FOLDER / "-".join(cell).lower(), flink, own)
    print(f"{result_of(cell, outcome)} {outcome.seconds:5.1f} s  {cell}", flush=True)
    for problem in outcome.problems:
        print(f"    {problem}", flush=True)
    return Line(cell, outcome)


@contextlib.contextmanager
def worker_pool() -> Iterator[str]:
    """The address of a stand-alone pool, while it runs."""
    with (FOLDER / "worker-pool.log").open("wb") as log:
        process = subprocess.Popen(
            [str(BINARY), "worker-pool", "--port=0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().replace("listening on ", "").strip()
    finally:
        end(process)


def report(table: List[Line]) -> int:
    rows = [("caller", "runner", "environment", "result", "seconds", "requests", "workers, started by")]
    for line in table:
        cell, outcome, refusal = line.cell, line.outcome, line.cell.refusal()
        last = refusal.reason if refusal is not None else workers_text(outcome.starters) if outcome is not None else ""
        if outcome is None:
            rows.append((*cell, "-", "", "", last))
        else:
            rows.append((*cell, result_of(cell, outcome), f"{outcome.seconds:.1f}", str(outcome.requests), last))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    ran = [line for line in table if line.cell.refusal() is None]
    failed = [line for line in table if line.outcome is not None and line.outcome.problems]
    passed = [line for line in ran if line not in failed]
    print(f"\n{len(passed)} of {len(ran)} cells passed; {len(table) - len(ran)} cannot run.")
    return 1 if failed else 0


def result_of(cell: Cell, outcome: Outcome) -> str:
    if outcome.problems:
        return "FAILED "
    return "passed " if cell.refusal() is None else "refused"


def workers_text(starters: List[str]) -> str:
    counted = {starter: starters.count(starter) for starter in starters}
    return ", ".join(f"{count} {starter}" for starter, count in counted.items())


if __name__ == "__main__":
    sys.exit(main())
