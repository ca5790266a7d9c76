"""What a row costs in our harness and in Beam's own, on the same bytes in the same run: `./run bench harness`.

Each harness runs a step that decodes every field of a row, counts it and drops it. Rows have six fields and take about
60 bytes with the window; they come in messages of 1 MiB, as fast as the harness takes them, ProcessBundle first. CPU is
the process's own time after a warm-up, as the kernel accounts it: trust it more than rows a second on a shared machine.
Java's harness is warmed up first, since its first 100,000 rows cost several times as much as later ones.
"gRPC alone" is grpc_floor.c, which takes the same messages and sends answers of the same size, and nothing else.

Writes build/bench/harness.json: a list of {name, value, unit, bar, met, against}.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Dict, List, Sequence

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2

sys.path.insert(0, str(Path(__file__).parent))
from bench_report import FOLDER, ROOT, Figure, print_table, write_json
from bench_rows import Row, payload, row_schema
from bench_runner import STEP, BenchRunner, descriptor_of
from engine_callers import java_classpath
from process_cost import median
from sdk_harnesses import Harness, go_harness, java_harness, python_harness

NULL_SINK = ROOT / "bazel-bin" / "examples" / "null_sink" / "null-sink"
GRPC_FLOOR = ROOT / "bazel-bin" / "tests" / "bench" / "grpc_floor"
GO_NULL_SINK = ROOT / "build" / "bin" / "gonullsink"
BIG, SMALL, TINY = 100_000, 1_000, 10  # rows of a bundle


class Drop(beam.DoFn):
    """The null sink of the Python harness."""

    def __init__(self) -> None:
        self.rows = Metrics.counter("null_sink", "rows")

    def process(self, row: Row) -> None:
        self.rows.inc()


def native(name: str, program: Path) -> Harness:
    def descriptor() -> beam_fn_api_pb2.ProcessBundleDescriptor:
        step = beam_runner_api_pb2.PTransform(unique_name=STEP)
        step.spec.urn = "beam:transform:pardo:v1"
        dofn = beam_runner_api_pb2.FunctionSpec(urn="example:dofn:null_sink:v1")
        step.spec.payload = beam_runner_api_pb2.ParDoPayload(do_fn=dofn).SerializeToString()
        return descriptor_of(step, row_schema().SerializeToString())

    return Harness(
        name, descriptor, lambda address: [str(program), "worker", "--id=1", f"--provision_endpoint={address}"], None
    )


def cpu_of(runner: BenchRunner, payload: Sequence[bytes], bundles: int, at_once: int = 1, rounds: int = 9) -> float:
    """Microseconds of CPU a bundle: the median of rounds of `bundles` / 3, after one that does not count."""
    runner.run(payload, max(1, bundles // 4), at_once)
    a_round = max(at_once, bundles // 3)
    costs = []
    for _ in range(rounds):
        before = runner.cpu_us()
        runner.run(payload, a_round, at_once)
        costs.append((runner.cpu_us() - before) / a_round)
    return median(costs)


def measure(harness: Harness, big: List[bytes], small: List[bytes], tiny: List[bytes], quick: bool) -> Dict[str, float]:
    def times(count: float) -> int:
        return max(2, int(count * harness.scale * (0.2 if quick else 1.0)))

    figures: Dict[str, float] = {}
    with BenchRunner(harness.descriptor(), harness.command, harness.environment) as runner:
        runner.run(tiny, 1)
        figures["start to first bundle, ms"] = (time.monotonic() - runner.started_at) * 1e3
        if harness.name == "Java":
            runner.run(big, times(40))
            runner.run(small, times(400))
        figures["100,000-row bundles, us a row"] = cpu_of(runner, big, times(20)) / BIG
        started = time.monotonic()
        runner.run(big, times(20))
        figures["throughput, rows a second"] = times(20) * BIG / (time.monotonic() - started)
        figures["four bundles at once, us a row"] = cpu_of(runner, big, times(20), at_once=4) / BIG
        figures["1,000-row bundles, us a row"] = cpu_of(runner, small, times(500)) / SMALL
        figures["10-row bundles, us a bundle"] = cpu_of(runner, tiny, times(1000))
        before = runner.cpu_us()
        time.sleep(2.0)
        figures["idle, us a second"] = (runner.cpu_us() - before) / 2.0
        runner.run(big, times(100))
        figures["RSS after the rows, MiB"] = runner.rss_mib()
        figures["peak RSS, MiB"] = runner.rss_mib(peak=True)
    return figures


BARS = {
    "100,000-row bundles, us a row": 0.15,
    "1,000-row bundles, us a row": 0.25,
    "10-row bundles, us a bundle": 80.0,
    "start to first bundle, ms": 60.0,
    "RSS after the rows, MiB": 32.0,
    "idle, us a second": 500.0,
}


def figures_of(results: Dict[str, Dict[str, float]]) -> List[Figure]:
    return [
        Figure(
            name.rsplit(", ", 1)[0],
            value,
            name.rsplit(", ", 1)[-1],
            BARS.get(name),
            against={peer: results[peer][name] for peer in results if peer != "C" and name in results[peer]},
        )
        for name, value in results["C"].items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the work: a look, not a figure to quote")
    parser.add_argument("--only", choices=["C", "Go", "Java", "Python", "gRPC alone"], help="one harness")
    arguments = parser.parse_args()
    big, small, tiny = (payload(rows) for rows in (BIG, SMALL, TINY))
    harnesses = [native("C", NULL_SINK), python_harness(Drop(), 0.2)]
    if (classpath := java_classpath()) is not None:
        harnesses.insert(1, java_harness(classpath, "NullSink", "Measured", 0.5))
    if GO_NULL_SINK.exists():
        harnesses.insert(1, go_harness(GO_NULL_SINK, "main.drop", 0.5))
    if GRPC_FLOOR.exists():
        harnesses.append(native("gRPC alone", GRPC_FLOOR))
    row_bytes = sum(map(len, big)) / BIG
    print(f"{os.cpu_count()} cores; rows of {row_bytes:.1f} bytes; messages of 1 MiB; Beam {beam.__version__}")
    results: Dict[str, Dict[str, float]] = {}
    for harness in harnesses:
        if arguments.only in (None, harness.name):
            print(f"  {harness.name} ...", flush=True)
            results[harness.name] = measure(harness, big, small, tiny, arguments.quick)
    if "gRPC alone" in results:  # of it only the cost of messages says something
        results["gRPC alone"] = {name: value for name, value in results["gRPC alone"].items() if ", us a " in name}
    if "C" in results:
        figures = figures_of(results)
        print_table(figures, "C")
        write_json(figures, FOLDER / "harness.json")
    else:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
