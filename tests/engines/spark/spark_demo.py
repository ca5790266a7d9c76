"""Writes the flights on Spark: `./run spark`.

Spark runs inside Beam's job server for it, as local[4]; the job server comes from Maven (pom.xml beside this file).
Shows the job's metrics, each worker's memory and CPU, and the emulator's counts, and stops everything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flink"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))

from flink_cluster import CALL_SECONDS, OPENS, ROOT, START_SECONDS, free_port, is_open, workers
from flink_demo import KEY_VARIABLE, NUM_FLIGHTS, NUM_KEYS, PIPELINE_SECONDS, SOURCE, cost_of, workspace_of
from tecton_emulator import CONFIGS, Emulator

SPARK = ROOT / "build" / "spark"
THREADS = 4
# What Spark's own scripts open for Java 17, beside what Flink's do.
SPARK_OPENS = ["java.base/sun.nio.cs", "java.base/sun.security.action", "java.base/sun.util.calendar"]


class JobServer:
    """Beam's job server for Spark, and Spark in it. Ends with `stop`, or as a context."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "job-server.log"
        port = free_port()
        self.endpoint = f"127.0.0.1:{port}"
        command = ["java", *[f"--add-opens={module}=ALL-UNNAMED" for module in [*OPENS, *SPARK_OPENS]], "-Xmx1500m"]
        command += ["-cp", f"{SPARK / 'job_server'}/*", "org.apache.beam.runners.spark.SparkJobServerDriver"]
        command += [f"--spark-master-url=local[{THREADS}]", "--job-host", "127.0.0.1", "--job-port", str(port)]
        command += ["--artifact-port", "0", "--expansion-port", "0", "--artifacts-dir", str(folder / "artifacts")]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder
            )
        deadline = time.monotonic() + START_SECONDS
        while not is_open(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Spark's job server did not come up; see {self.log}")
            time.sleep(0.2)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(CALL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> JobServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def main() -> int:
    folder = SPARK / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with Emulator(CONFIGS / "flights.json", folder / "emulator.log") as emulator:
        os.environ[KEY_VARIABLE] = emulator.key_with_role("editor")
        with JobServer(folder) as server:
            problems = run_flights(server, emulator, folder)
    print("\nEvery count agrees." if not problems else "\nThe run FAILED:\n  " + "\n  ".join(problems))
    return 1 if problems else 0


def run_flights(server: JobServer, emulator: Emulator, folder: Path) -> List[str]:
    """Runs and shows it; what is wrong with it."""
    report, log = folder / "flights.json", folder / "flights.log"
    report.unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "examples" / "flights" / "run_flights.py"), "--spread"]
    command += [f"--report={report}", f"--pipeline_proto={folder / 'flights.pb'}"]
    command += [f"--endpoint_url={emulator.endpoint}", f"--stream_source_name={SOURCE}"]
    command += [f"--workspace_name={workspace_of(emulator)}", f"--api_key=env:{KEY_VARIABLE}"]
    command += ["--runner=PortableRunner", f"--job_endpoint={server.endpoint}", "--environment_type=LOOPBACK"]
    costs: Dict[int, Dict[str, float]] = {}
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None and time.monotonic() - started < PIPELINE_SECONDS:
            for worker in workers(server.pid):
                costs[worker] = cost_of(worker, costs.get(worker, {}), 1)
            time.sleep(0.1)
        process.kill()
        process.wait()
    if not report.is_file():
        return [f"exit code {process.returncode}; the end of {log}:\n{log.read_text(errors='replace')[-3000:]}"]
    metrics, counters = json.loads(report.read_text())["metrics"], emulator.counters()
    rows = [
        ("seconds, submission and job", f"{time.monotonic() - started:.1f}"),
        ("rows read (job's metric)", metrics.get("rows_read")),
        ("records_written (job's metric)", metrics.get("records_written")),
        ("requests the emulator saw", counters["requests"]),
        ("records it stored", counters["records_written"]),
        ("distinct keys it holds", counters["distinct_keys"]),
    ]
    for worker, cost in sorted(costs.items()):
        rows.append((f"worker {worker}", f"{cost.get('mib', 0):.1f} MiB, {cost.get('cpu', 0):.1f} s CPU"))
    print(f"Flights on Spark, local[{THREADS}], batch")
    for label, value in rows:
        print(f"  {label:<32}  {value:>22}")
    wanted = [
        ("rows read", metrics.get("rows_read"), NUM_FLIGHTS),
        ("records_written", metrics.get("records_written"), NUM_FLIGHTS),
        ("records stored", counters["records_written"], NUM_FLIGHTS),
        ("distinct keys", counters["distinct_keys"], NUM_KEYS),
        ("workers that the job server started", bool(costs), True),
    ]
    return [f"{what}: {found} instead of {right}" for what, found, right in wanted if found != right]


if __name__ == "__main__":
    sys.exit(main())
