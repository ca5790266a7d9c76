"""The runners that can be told to run the streaming pipeline."""

import contextlib
import sys
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "engines" / "flink")]

from flink_cluster import Cluster  # noqa: E402

SOURCE_START_SECONDS = 15.0  # from the impulse to the first row, on a busy machine

PRISM = ROOT / "build" / "bin" / "prism"


class RunnerUnderTest(NamedTuple):
    name: str
    arguments: List[str]  # of the pipeline
    warm_up_seconds: (
        float  # from the first impulse until figures count: workers start, first connections, the JVM's code
    )
    options_of_length: Callable[[float], List[str]]  # what a run of so many seconds needs beyond
    # Processes below which workers run, given that of the pipeline.
    workers_below: Callable[[int], List[int]]


@contextlib.contextmanager
def prism(folder: Path) -> Iterator[RunnerUnderTest]:
    """Beam starts it with the pipeline, and ends it."""
    del folder
    arguments = ["--runner=PrismRunner", f"--prism_location={PRISM}"]
    yield RunnerUnderTest("prism", arguments, 5.0, lambda _: [], lambda pipeline: [pipeline])


@contextlib.contextmanager
def flink(folder: Path) -> Iterator[RunnerUnderTest]:
    """A cluster for as long as the context; its TaskManagers start the workers."""
    with Cluster(folder / "cluster") as cluster:
        job_server = cluster.start_job_server()
        arguments = ["--runner=PortableRunner", f"--job_endpoint={job_server}", "--environment_type=LOOPBACK"]
        # Without the last one Flink keeps what a bundle gives back while a checkpoint is taken, but lets the watermark
        # pass: a window that ends meanwhile fires without these rows, which are dropped as late.
        arguments += ["--streaming", "--checkpointing_interval=2000", "--finish_bundle_before_checkpointing"]
        arguments += ["--parallelism=2"]
        managers = [cluster.pid(f"taskmanager-{number}") for number in cluster.task_managers()]
        yield RunnerUnderTest("flink", arguments, 20.0, _end_after, lambda _: managers)


def _end_after(seconds: float) -> List[str]:
    """Flink ends a streaming job when its sources are shut down. The source here is the impulse that starts the
    splittable DoFns, idle from then on. Shut down before they end it takes all their pauses away: the runner then
    fires the timers that resume them at once, in a loop that lets no watermark through and fills the heap."""
    return [f"--shutdown_sources_after_idle_ms={round((seconds + SOURCE_START_SECONDS) * 1000)}"]


RUNNERS = {"prism": prism, "flink": flink}
