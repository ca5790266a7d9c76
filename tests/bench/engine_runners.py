"""The runners of `./run bench engines`: each started once, with the CPU time that its processes have used."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from typing import Callable, Dict, Iterator, List, NamedTuple

from bench_report import FOLDER, ROOT
from process_cost import cpu_us

sys.path.insert(0, str(ROOT / "tests" / "engines" / "flink"))
from flink_cluster import FLINK, Cluster, free_port, is_open

PRISM = ROOT / "build" / "bin" / "prism"
START_SECONDS = 30.0
PARALLELISM = 2


class Runner(NamedTuple):
    name: str
    arguments: Dict[str, List[str]]  # by caller; who is not in it cannot run there
    cpu_us: Callable[[], float]


def _arguments(endpoint: str) -> Dict[str, List[str]]:
    """How each SDK is told to use a job service, with its own steps in the program that submits."""
    return {
        "Python": ["--runner=PortableRunner", f"--job_endpoint={endpoint}", "--environment_type=LOOPBACK"],
        "Java": ["--runner=PortableRunner", f"--jobEndpoint={endpoint}", "--defaultEnvironmentType=LOOPBACK"],
        "Go": ["--runner=universal", f"--endpoint={endpoint}", "--environment_type=LOOPBACK"],
    }


@contextlib.contextmanager
def _direct() -> Iterator[Runner]:
    """Beam's own runner is inside the program; Java's and Go's have none that runs steps of other languages."""
    yield Runner("direct", {"Python": []}, lambda: 0.0)


@contextlib.contextmanager
def _prism() -> Iterator[Runner]:
    if not PRISM.is_file():
        raise FileNotFoundError(f"{PRISM} is not there")
    port = free_port()
    with (FOLDER / "prism.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PRISM), f"--job_port={port}", "--serve_http=false"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _await_port(port)
        yield Runner("Prism", _arguments(f"localhost:{port}"), lambda: cpu_us(process.pid))
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _flink() -> Iterator[Runner]:
    if not (FLINK / "job_server").is_dir():
        raise FileNotFoundError(f"{FLINK / 'job_server'} is not there")
    with Cluster(FOLDER / "flink") as cluster:
        arguments = _arguments(cluster.start_job_server())
        for more in arguments.values():
            more.append(f"--parallelism={PARALLELISM}")
        names = ["jobmanager", "job-server", *(f"taskmanager-{number}" for number in cluster.task_managers())]
        yield Runner("Flink", arguments, lambda: sum(cpu_us(cluster.pid(name)) for name in names))


RUNNERS = {"direct": _direct, "Prism": _prism, "Flink": _flink}


def _await_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_open(port):
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing listens on {port} after {START_SECONDS:.0f} s")
        time.sleep(0.05)
