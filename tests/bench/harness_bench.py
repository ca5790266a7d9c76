"""What a row costs in our harness and in Beam's own, on the same bytes in the same run: `./run bench harness`.

Each harness runs a step that decodes every field of a row, counts it and drops it. Rows have six fields and take about
60 bytes with the window; they come in messages of 1 MiB, as fast as the harness takes them, ProcessBundle first. CPU is
the process's own time after a warm-up, as the kernel accounts it: trust it more than rows a second on a shared machine.

Writes build/bench/harness.json: a list of {name, value, unit, bar, met, against}.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

import apache_beam as beam
from apache_beam.coders import RowCoder
from apache_beam.metrics import Metrics
from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2, schema_pb2
from apache_beam.typehints import schemas

sys.path.insert(0, str(Path(__file__).parent))
from bench_runner import STEP, BenchRunner, chunks, descriptor_of, varint

ROOT = Path(__file__).parents[2]
NULL_SINK = ROOT / "bazel-bin" / "examples" / "null_sink" / "null-sink"
GO_NULL_SINK = ROOT / "build" / "bin" / "gonullsink"
RESULTS = ROOT / "build" / "bench" / "harness.json"
HEADER = bytes.fromhex("7fdf3b645a1cac09000000010f")  # earliest time, one global window, a pane that says nothing
BIG, SMALL, TINY = 100_000, 1_000, 10  # rows of a bundle


class Row(NamedTuple):
    user_id: str
    amount: float
    count: int
    active: bool
    name: str
    ts: int


beam.coders.registry.register_coder(Row, RowCoder)


class Drop(beam.DoFn):
    """The null sink of the Python harness."""

    def __init__(self) -> None:
        self.rows = Metrics.counter("null_sink", "rows")

    def process(self, row: Row) -> None:
        self.rows.inc()


class Harness(NamedTuple):
    name: str
    descriptor: Callable[[], beam_fn_api_pb2.ProcessBundleDescriptor]
    command: Callable[[str], Sequence[str]]
    environment: Optional[Callable[[str], Dict[str, str]]]
    scale: float  # how much less work a slow harness gets


def row_schema() -> schema_pb2.Schema:
    return schemas.typing_to_runner_api(Row).row_type.schema


def element(coder: Any, i: int) -> bytes:
    row = Row(
        f"user-{i % 100000:05d}", i * 0.5, i * 3, i % 2 == 0, f"name-{i % 10000000:07d}", 1_700_000_000_000_000 + i
    )
    encoded = coder.encode(row)
    return HEADER + varint(len(encoded)) + encoded


# --- harnesses ---


def ours() -> Harness:
    def descriptor() -> beam_fn_api_pb2.ProcessBundleDescriptor:
        step = beam_runner_api_pb2.PTransform(unique_name=STEP)
        step.spec.urn = "beam:transform:pardo:v1"
        dofn = beam_runner_api_pb2.FunctionSpec(urn="example:dofn:null_sink:v1")
        step.spec.payload = beam_runner_api_pb2.ParDoPayload(do_fn=dofn).SerializeToString()
        return descriptor_of(step, row_schema().SerializeToString())

    return Harness(
        "C",
        descriptor,
        lambda address: [str(NULL_SINK), "worker", "--id=1", f"--provision_endpoint={address}"],
        None,
        1.0,
    )


def pardo_of(pipeline: beam_runner_api_pb2.Pipeline, name: str) -> beam_runner_api_pb2.PTransform:
    """The last ParDo whose name holds `name`."""
    transforms = pipeline.components.transforms
    (found,) = [t for t in transforms.values() if t.spec.urn == "beam:transform:pardo:v1" and name in t.unique_name][
        -1:
    ]
    found.outputs.clear()
    found.environment_id = ""
    return found


def python() -> Harness:
    def descriptor() -> beam_fn_api_pb2.ProcessBundleDescriptor:
        pipeline = beam.Pipeline()
        rows = pipeline | beam.Create([Row("", 0.0, 0, False, "", 0)]).with_output_types(Row)
        rows | "Drop" >> beam.ParDo(Drop())
        return descriptor_of(pardo_of(pipeline.to_runner_api(), "Drop"), row_schema().SerializeToString())

    def environment(address: str) -> Dict[str, str]:
        return {
            "CONTROL_API_SERVICE_DESCRIPTOR": f'url: "{address}"',
            "LOGGING_API_SERVICE_DESCRIPTOR": f'url: "{address}"',
            "WORKER_ID": "1",
            "PIPELINE_OPTIONS": "{}",
            "PYTHONPATH": str(Path(__file__).parent),
        }

    command = [sys.executable, "-m", "apache_beam.runners.worker.sdk_worker_main"]
    return Harness("Python", descriptor, lambda address: command, environment, 0.2)


def go() -> Harness:
    def descriptor() -> beam_fn_api_pb2.ProcessBundleDescriptor:
        dumped = subprocess.run([GO_NULL_SINK, "-dump"], capture_output=True, check=True).stdout
        pipeline = beam_runner_api_pb2.Pipeline.FromString(dumped)
        (coder,) = [c for c in pipeline.components.coders.values() if c.spec.urn == "beam:coder:row:v1"][:1]
        return descriptor_of(pardo_of(pipeline, "drop"), coder.spec.payload)

    def command(address: str) -> List[str]:
        return [
            str(GO_NULL_SINK),
            "--worker=true",
            "--id=1",
            f"--logging_endpoint={address}",
            f"--control_endpoint={address}",
            "--semi_persist_dir=/tmp",
            '--options={"beam:option:go_options:v1":{"options":{}}}',
        ]

    return Harness("Go", descriptor, command, None, 0.5)


# --- measures ---


def median(values: List[float]) -> float:
    return sorted(values)[len(values) // 2]


def cpu_of(runner: BenchRunner, payload: Sequence[bytes], bundles: int, at_once: int = 1, rounds: int = 3) -> float:
    """Microseconds of CPU a bundle: the median of some rounds after one that does not count."""
    runner.run(payload, max(1, bundles // 4), at_once)
    costs = []
    for _ in range(rounds):
        before = runner.cpu_us()
        runner.run(payload, bundles, at_once)
        costs.append((runner.cpu_us() - before) / bundles)
    return median(costs)


def measure(harness: Harness, big: List[bytes], small: List[bytes], tiny: List[bytes], quick: bool) -> Dict[str, float]:
    def times(count: float) -> int:
        return max(2, int(count * harness.scale * (0.2 if quick else 1.0)))

    figures: Dict[str, float] = {}
    with BenchRunner(harness.descriptor(), harness.command, harness.environment) as runner:
        runner.run(tiny, 1)
        figures["start to first bundle, ms"] = (time.monotonic() - runner.started_at) * 1e3
        figures["100,000-row bundles, us a row"] = cpu_of(runner, big, times(20)) / BIG
        started = time.monotonic()
        runner.run(big, times(20))
        figures["rows a second"] = times(20) * BIG / (time.monotonic() - started)
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


def report(results: Dict[str, Dict[str, float]]) -> List[Dict[str, Any]]:
    names = list(results)
    lines: List[Dict[str, Any]] = []
    print(f"\n{'':34}" + "".join(f"{name:>14}" for name in names) + f"{'bar (C)':>12}")
    for figure in results["C"]:
        bar = BARS.get(figure)
        value = results["C"][figure]
        cells = "".join(
            f"{results[name][figure]:>14,.3f}" if figure in results[name] else f"{'':>14}" for name in names
        )
        verdict = "" if bar is None else f"{bar:>12,.2f}" + ("" if value <= bar else "  MISSED")
        print(f"{figure:34}{cells}{verdict}")
        lines.append(
            {
                "name": figure.rsplit(", ", 1)[0],
                "value": round(value, 4),
                "unit": figure.rsplit(", ", 1)[-1],
                "bar": bar,
                "met": bar is None or value <= bar,
                "against": {name: round(results[name][figure], 4) for name in names if name != "C"},
            }
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the work: a look, not a figure to quote")
    parser.add_argument("--only", choices=["C", "Go", "Python"], help="one harness")
    arguments = parser.parse_args()
    coder = RowCoder(row_schema())
    big, small, tiny = (chunks(lambda i: element(coder, i), rows) for rows in (BIG, SMALL, TINY))
    harnesses = [ours()] + ([go()] if GO_NULL_SINK.exists() else []) + [python()]
    row_bytes = sum(map(len, big)) / BIG
    print(f"{os.cpu_count()} cores; rows of {row_bytes:.1f} bytes; messages of 1 MiB; Beam {beam.__version__}")
    results: Dict[str, Dict[str, float]] = {}
    for harness in harnesses:
        if arguments.only in (None, harness.name):
            print(f"  {harness.name} ...", flush=True)
            results[harness.name] = measure(harness, big, small, tiny, arguments.quick)
    if "C" in results:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(report(results), indent=1) + "\n")
        print(f"\nwritten to {RESULTS.relative_to(ROOT)}")
    else:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
