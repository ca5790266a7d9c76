"""The runners of `./run bench engines`: each started once, with the CPU time that its processes have used."""

from __future__ import annotations

import contextlib
import sys
from typing import Callable, Dict, Iterator, List, NamedTuple

from bench_report import FOLDER, ROOT
from process_cost import cpu_us

sys.path[:0] = [str(ROOT / "tests" / "engines"), str(ROOT / "tests" / "engines" / "flink")]
from flink_cluster import FLINK, Cluster  # noqa: E402
from job_service import prism_service, submit_arguments  # noqa: E402


class Runner(NamedTuple):
    name: str
    arguments: Dict[str, List[str]]  # by caller; who is not in it cannot run there
    cpu_us: Callable[[], float]
    times_the_rows: int = 1  # for a runner whose start takes longer by chance than rows take


@contextlib.contextmanager
def _direct() -> Iterator[Runner]:
    """Beam's own runner is inside the program; Java's and Go's have none that runs steps of other languages."""
    yield Runner("direct", {"Python": []}, lambda: 0.0)


@contextlib.contextmanager
def _prism() -> Iterator[Runner]:
    with prism_service(FOLDER / "prism.log") as prism:
        yield Runner("Prism", submit_arguments(prism.endpoint), lambda: cpu_us(prism.pid))


@contextlib.contextmanager
def _flink() -> Iterator[Runner]:
    if not (FLINK / "job_server").is_dir():
        raise FileNotFoundError(f"{FLINK / 'job_server'} is not there")
    with Cluster(FOLDER / "flink") as cluster:
        arguments = submit_arguments(cluster.start_job_server())
        names = ["jobmanager", "job-server", *(f"taskmanager-{number}" for number in cluster.task_managers())]
        yield Runner("Flink", arguments, lambda: sum(cpu_us(cluster.pid(name)) for name in names), 4)


RUNNERS = {"direct": _direct, "Prism": _prism, "Flink": _flink}
