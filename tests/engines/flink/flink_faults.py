"""Kills what can be killed while the flights are written on Flink: `./run faults flink`.

A worker, a TaskManager and the service itself get SIGKILL in mid-job, in batch and in streaming; each time every row
must be acknowledged in the end, and have been stored at least once. What was stored is read from the journal of the
emulator, which its own death does not take along.

First a job is started whose program no TaskManager has: it fails, and the user is told the path and the cure.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "examples" / "flights")]

from flights import flights_file, read_flights  # noqa: E402
from flink_cluster import FLINK, Cluster, kill_quietly, workers  # noqa: E402
from flink_demo import KEY_VARIABLE, NUM_FLIGHTS, STREAMING, run_flights  # noqa: E402
from tecton_emulator import CONFIGS, Emulator  # noqa: E402

MISCHIEF_AT = 60_000  # records stored when it happens
MISSING = "/opt/nowhere/beam-tecton"
# Flink's words leave the path out; ours have it, and come before.
WORDS_FOR_MISSING = ["error=2, No such file or directory", MISSING, "install beam-tecton there", "worker_command"]


class Service:
    """The emulator, which may be killed and come back without its rows."""

    def __init__(self) -> None:
        self.log = FLINK / "faults-emulator.log"
        self.journal = FLINK / "faults-journal"
        self.journal.unlink(missing_ok=True)
        self.emulator = Emulator(CONFIGS / "flights.json", self.log, journal=self.journal)
        self.port = int(self.emulator.url.rsplit(":", 1)[1])

    def kill(self) -> None:
        kill_quietly(self.emulator.pid)
        self.emulator.stop()
        time.sleep(1.0)
        self.emulator = Emulator(CONFIGS / "flights.json", self.log, self.port, self.journal)

    def events(self) -> Tuple[int, int]:
        """Rows written in all its lives, and different keys and times among them."""
        lines = [line.split("\t", 1)[1] for line in self.journal.read_text().splitlines()]
        return len(lines), len(set(lines))


class Fault(NamedTuple):
    name: str
    happen: Callable[[Cluster, Service], None]


def kill_a_worker(cluster: Cluster, service: Service) -> None:
    running = [worker for number in cluster.task_managers() for worker in workers(cluster.pid(f"taskmanager-{number}"))]
    kill_quietly(running[0])


def kill_a_task_manager(cluster: Cluster, service: Service) -> None:
    cluster.kill("taskmanager-1")
    cluster.start_task_manager(1)


def kill_the_service(cluster: Cluster, service: Service) -> None:
    service.kill()


FAULTS = [
    Fault("a worker", kill_a_worker),
    Fault("a TaskManager", kill_a_task_manager),
    Fault("the service", kill_the_service),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["batch", "streaming"], help="one kind of job")
    given = parser.parse_args()
    events = distinct_events()
    failed = []
    problem = try_missing_program()
    print(f"no program on the TaskManagers: {problem or 'the job fails with its path and the cure'}", flush=True)
    failed += [] if problem is None else ["no program"]
    for mode in ("batch", "streaming"):
        if given.only not in (None, mode):
            continue
        for fault in FAULTS:
            started = time.monotonic()
            problem = try_fault(mode, fault, events)
            verdict = "every row is stored" if problem is None else f"FAILED: {problem}"
            print(f"{mode:<10} kill {fault.name:<15} {time.monotonic() - started:5.0f} s  {verdict}", flush=True)
            failed += [] if problem is None else [f"{mode}, {fault.name}"]
    return 1 if failed else 0


def distinct_events() -> int:
    """How many different keys and times the flights have: what must be in the store at least."""
    seen: Set[Tuple[Any, ...]] = {
        (flight.carrier, flight.flight, flight.origin, flight.time_hour) for flight in read_flights(flights_file())
    }
    return len(seen)


def try_missing_program() -> Optional[str]:
    """Runs a job that cannot start its worker; what is wrong with what the user is told, or None."""
    with Emulator(CONFIGS / "flights.json", FLINK / "faults-emulator.log") as emulator:
        os.environ[KEY_VARIABLE] = emulator.key_with_role("editor")
        with Cluster(FLINK / "run") as cluster:
            job_server = cluster.start_job_server()
            result, told = run_flights(cluster, emulator, job_server, [f"--worker_command={MISSING}"])
    if result is not None:
        return "FAILED: the job ran"
    lacking = [word for word in WORDS_FOR_MISSING if word not in told]
    return f"FAILED: {lacking} not in: {told}" if lacking else None


def try_fault(mode: str, fault: Fault, events: int) -> Optional[str]:
    """Runs one job with one fault; what is wrong at its end, or None."""
    service = Service()
    # Slow enough that the fault comes in mid-job.
    service.emulator.traffic(latency={"fixed_ms": 50}, capacity={"max_in_progress": 100})
    os.environ[KEY_VARIABLE] = service.emulator.key_with_role("editor")
    happened: Dict[str, float] = {}

    with Cluster(FLINK / "run") as cluster:
        job_server = cluster.start_job_server()

        def meanwhile() -> None:
            if not happened and (stored := service.emulator.counters()["records_written"]) >= MISCHIEF_AT:
                happened["at"] = stored
                fault.happen(cluster, service)

        options: List[str] = STREAMING if mode == "streaming" else []
        if mode == "streaming":
            options = [*options, "--number_of_execution_retries=5", "--execution_retry_delay=500"]
        try:
            result, problem = run_flights(cluster, service.emulator, job_server, options, meanwhile)
        finally:
            service.emulator.stop()
    if result is None:
        return problem
    if not happened:
        return "the job ended before the fault"
    rows, different = service.events()
    if different != events or rows < NUM_FLIGHTS:
        return f"{different} different events stored instead of {events}; {rows} rows of {NUM_FLIGHTS}"
    written = result.metrics.get("records_written", 0)
    return None if written >= NUM_FLIGHTS else f"records_written is {written} of {NUM_FLIGHTS} rows"


if __name__ == "__main__":
    sys.exit(main())
