"""Writes the flights on a real Flink cluster: `./run flink`.

A JobManager, two TaskManagers and Beam's job server run as processes; the demo's pipeline runs on them with
parallelism 4, streaming and with checkpoints. Shows Flink's own metrics, each worker's memory and CPU, and the
emulator's counts, and stops everything.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from apache_beam.coders.coder_impl import create_InputStream
from flink_cluster import FLINK, ROOT, Cluster, workers

sys.path.insert(0, str(ROOT / "tests" / "integration"))
sys.path.insert(0, str(ROOT / "examples" / "flights"))
sys.path.insert(0, str(ROOT / "tests" / "bench"))

from tecton_emulator import CONFIGS, Emulator

KEY_VARIABLE = "BEAM_TECTON_DEMO_KEY"
SOURCE = "flights"
NUM_FLIGHTS = 336_776
NUM_KEYS = 6_872
PIPELINE_SECONDS = 300.0
PARALLELISM = 4
STREAMING = ["--streaming", "--checkpointing_interval=2000", "--shutdown_sources_after_idle_ms=1000"]


class Result(NamedTuple):
    """One run of the pipeline."""

    metrics: Dict[str, int]  # as the job service gives them at its end
    seconds: float
    costs: Dict[int, Dict[str, float]]  # of each worker process


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", action="store_true", help="without --streaming and checkpoints")
    given = parser.parse_args()
    folder = FLINK / "run"
    started = time.monotonic()
    with Emulator(CONFIGS / "flights.json", FLINK / "emulator.log") as emulator:
        os.environ[KEY_VARIABLE] = emulator.key_with_role("editor")
        with Cluster(folder) as cluster:
            job_server = cluster.start_job_server()
            print(f"Flink {cluster.rest('/overview')['flink-version']}: {time.monotonic() - started:.0f} s to start")
            mode = [] if given.batch else STREAMING
            print(f"Flights, parallelism {PARALLELISM}, {' '.join(mode) or 'batch'}")
            result, problem = run_flights(cluster, emulator, job_server, mode)
            if result is None:
                print(f"The run FAILED: {problem}")
                return 1
            problems = report(cluster, emulator, result, given.batch)
    print("\nEvery count agrees." if not problems else "\nThe run FAILED:\n  " + "\n  ".join(problems))
    return 1 if problems else 0


def run_flights(
    cluster: Cluster,
    emulator: Emulator,
    job_server: str,
    mode: List[str],
    meanwhile: Callable[[], None] = lambda: None,
) -> Tuple[Optional[Result], str]:
    """What a run came to; or None and what went wrong. `meanwhile` is called ten times a second."""
    report_file, log = FLINK / "flights.json", FLINK / "flights.log"
    report_file.unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "examples" / "flights" / "run_flights.py")]
    command += [f"--report={report_file}", f"--pipeline_proto={FLINK / 'flights.pb'}"]
    command += [f"--endpoint_url={emulator.endpoint}", f"--stream_source_name={SOURCE}"]
    command += [f"--workspace_name={workspace_of(emulator)}", f"--api_key=env:{KEY_VARIABLE}"]
    command += ["--runner=PortableRunner", f"--job_endpoint={job_server}", "--environment_type=LOOPBACK"]
    command += [f"--parallelism={PARALLELISM}", *mode]
    command.append("--spread")  # the file is read in one place; all four subtasks shall write
    costs: Dict[int, Dict[str, float]] = {}
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None and time.monotonic() - started < PIPELINE_SECONDS:
                for number in cluster.task_managers():
                    for worker in workers(cluster.pid(f"taskmanager-{number}")):
                        costs[worker] = cost_of(worker, costs.get(worker, {}), number)
                meanwhile()
                time.sleep(0.1)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    seconds = time.monotonic() - started
    if process.returncode != 0 or not report_file.is_file():
        end = log.read_text(errors="replace")[-3000:]
        return None, f"exit code {process.returncode}; the end of {log}:\n{end}"
    return Result(json.loads(report_file.read_text())["metrics"], seconds, costs), ""


def workspace_of(emulator: Emulator) -> str:
    views = emulator.config["feature_views"].values()
    return next(view["workspace"] for view in views if view["source"] == SOURCE)


def cost_of(pid: int, before: Dict[str, float], task_manager: int) -> Dict[str, float]:
    """Peak memory in MiB and CPU in seconds so far; the last known where the process has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return before
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0")
    ticks = int(stat[11]) + int(stat[12])
    return {"task_manager": task_manager, "mib": int(peak) / 1024, "cpu": ticks / os.sysconf("SC_CLK_TCK")}


def flink_counters(cluster: Cluster, job: str) -> Dict[str, int]:
    """The sink's counters in Flink's REST API, also after the job's end: Beam keeps them in an accumulator."""
    accumulators = cluster.rest(f"/jobs/{job}/accumulators")["user-task-accumulators"]
    (kept,) = [one["value"] for one in accumulators if one["name"] == "__metricscontainers"]
    counters: Dict[str, int] = {}
    for metric in json.loads(kept)["metrics"]["attempted"]:
        labels = metric["labels"]
        if metric["urn"] == "beam:metric:user:sum_int64:v1" and labels["NAMESPACE"] == "tecton_stream_ingest":
            value = create_InputStream(base64.b64decode(metric["payload"])).read_var_int64()
            counters[labels["NAME"]] = counters.get(labels["NAME"], 0) + value
    return counters


def report(cluster: Cluster, emulator: Emulator, result: Result, batch: bool) -> List[str]:
    counters, metrics = emulator.counters(), result.metrics
    job = max(cluster.jobs(), key=lambda one: one["start-time"])
    checkpoints = 0 if batch else cluster.rest(f"/jobs/{job['jid']}/checkpoints")["counts"]["completed"]
    rows = [
        ("seconds, submission and job", f"{result.seconds:.1f}"),
        ("seconds in Flink", f"{job['duration'] / 1000:.1f}"),
        ("state in Flink", job["state"]),
        ("checkpoints completed", checkpoints),
        ("rows read (job's metric)", metrics.get("rows_read")),
        ("records_written (job's metric)", metrics.get("records_written")),
        ("write_requests (job's metric)", metrics.get("write_requests")),
        ("requests the emulator saw", counters["requests"]),
        ("records it stored", counters["records_written"]),
        ("distinct keys it holds", counters["distinct_keys"]),
    ]
    of_flink = flink_counters(cluster, job["jid"])
    rows += [(f"{name} (Flink's REST API)", value) for name, value in sorted(of_flink.items())]
    for worker, cost in sorted(result.costs.items()):
        took = f"{cost.get('mib', 0):.1f} MiB, {cost.get('cpu', 0):.1f} s CPU"
        rows.append((f"worker {worker} of TaskManager {cost.get('task_manager')}", took))
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        print(f"  {label:<{width}}  {value:>22}")
    wanted = [
        ("rows read", metrics.get("rows_read"), NUM_FLIGHTS),
        ("records_written", metrics.get("records_written"), NUM_FLIGHTS),
        ("records_written (Flink's REST API)", of_flink.get("records_written"), NUM_FLIGHTS),
        ("write_requests (Flink's REST API)", of_flink.get("write_requests"), metrics.get("write_requests")),
        ("distinct keys", counters["distinct_keys"], NUM_KEYS),
        ("workers of the two TaskManagers", len({cost.get("task_manager") for cost in result.costs.values()}), 2),
    ]
    problems = [f"{what}: {found} instead of {right}" for what, found, right in wanted if found != right]
    if counters["records_written"] < NUM_FLIGHTS:
        problems.append(f"the emulator stored {counters['records_written']} records")
    return problems


if __name__ == "__main__":
    sys.exit(main())
