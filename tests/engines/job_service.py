"""Runners that are reached as job services: Prism as one, and how each SDK is told to use one."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "engines" / "flink"))

from flink_cluster import free_port, is_open  # noqa: E402

PRISM = ROOT / "build" / "bin" / "prism"
START_SECONDS = 30.0
STOP_SECONDS = 10.0


class JobService(NamedTuple):
    endpoint: str
    pid: int


def submit_arguments(endpoint: str) -> Dict[str, List[str]]:
    """By language, with the SDK's own steps in the program that submits."""
    return {
        "Python": ["--runner=PortableRunner", f"--job_endpoint={endpoint}", "--environment_type=LOOPBACK"],
        "Java": ["--runner=PortableRunner", f"--jobEndpoint={endpoint}", "--defaultEnvironmentType=LOOPBACK"],
        "Go": ["--runner=universal", f"--endpoint={endpoint}", "--environment_type=LOOPBACK"],
    }


@contextlib.contextmanager
def prism_service(log: Path) -> Iterator[JobService]:
    """Prism, while it runs."""
    if not PRISM.is_file():
        raise FileNotFoundError(f"{PRISM} is not there")
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PRISM), f"--job_port={port}", "--serve_http=false"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_open(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Prism does not listen on port {port}; see {log}")
            time.sleep(0.02)
        yield JobService(f"localhost:{port}", process.pid)
    finally:
        end(process)


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
