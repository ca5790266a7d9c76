"""Beam's own harnesses under `bench_runner`: the ParDo cut out of a pipeline of theirs, and how a worker is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

import apache_beam as beam
from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2
from bench_rows import Row, row_schema
from bench_runner import descriptor_of


class Harness(NamedTuple):
    name: str
    descriptor: Callable[[], beam_fn_api_pb2.ProcessBundleDescriptor]
    command: Callable[[str], Sequence[str]]  # gets the address of all services
    environment: Optional[Callable[[str], Dict[str, str]]]
    scale: float = 1.0  # how much less work a slow harness gets


def pardo_of(pipeline: beam_runner_api_pb2.Pipeline, name: str) -> beam_runner_api_pb2.PTransform:
    """The last ParDo whose name holds `name`."""
    transforms = pipeline.components.transforms
    (found,) = [t for t in transforms.values() if t.spec.urn == "beam:transform:pardo:v1" and name in t.unique_name][
        -1:
    ]
    found.outputs.clear()
    found.environment_id = ""
    return found


def python_harness(dofn: beam.DoFn, scale: float, settings: Optional[Mapping[str, str]] = None) -> Harness:
    """Beam's Python worker running `dofn` on `Row`s. `settings` is what it reads from its environment."""

    def descriptor() -> beam_fn_api_pb2.ProcessBundleDescriptor:
        pipeline = beam.Pipeline()
        rows = pipeline | beam.Create([Row("", 0.0, 0, False, "", 0)]).with_output_types(Row)
        rows | "Measured" >> beam.ParDo(dofn)
        return descriptor_of(pardo_of(pipeline.to_runner_api(), "Measured"), row_schema().SerializeToString())

    def environment(address: str) -> Dict[str, str]:
        return {
            "CONTROL_API_SERVICE_DESCRIPTOR": f'url: "{address}"',
            "LOGGING_API_SERVICE_DESCRIPTOR": f'url: "{address}"',
            "WORKER_ID": "1",
            "PIPELINE_OPTIONS": "{}",
            "PYTHONPATH": str(Path(__file__).parent),
            **(settings or {}),
        }

    command = [sys.executable, "-m", "apache_beam.runners.worker.sdk_worker_main"]
    return Harness("Python", descriptor, lambda address: command, environment, scale)


def java_harness(classpath: str, program: str, step: str, scale: float) -> Harness:
    """Beam's Java worker. The class `program` prints its pipeline."""

    def descriptor() -> beam_fn_api_pb2.ProcessBundleDescriptor:
        dumped = subprocess.run(["java", "-cp", classpath, program], capture_output=True, check=True).stdout
        pipeline = beam_runner_api_pb2.Pipeline.FromString(dumped)
        return descriptor_of(pardo_of(pipeline, step), row_schema().SerializeToString())

    def environment(address: str) -> Dict[str, str]:
        return {
            "CONTROL_API_SERVICE_DESCRIPTOR": f'url: "{address}"',
            "LOGGING_API_SERVICE_DESCRIPTOR": f'url: "{address}"',
            "HARNESS_ID": "1",
            "PIPELINE_OPTIONS": "{}",
        }

    command = ["java", "-Xmx1g", "-cp", classpath, "org.apache.beam.fn.harness.FnHarness"]
    return Harness("Java", descriptor, lambda address: command, environment, scale)


def go_harness(program: Path, step: str, scale: float, settings: Optional[Mapping[str, str]] = None) -> Harness:
    """Beam's Go worker. `program -dump` prints its pipeline; `settings` is what it reads from its environment."""

    def descriptor() -> beam_fn_api_pb2.ProcessBundleDescriptor:
        dumped = subprocess.run([program, "-dump"], capture_output=True, check=True).stdout
        pipeline = beam_runner_api_pb2.Pipeline.FromString(dumped)
        (coder,) = [c for c in pipeline.components.coders.values() if c.spec.urn == "beam:coder:row:v1"][:1]
        return descriptor_of(pardo_of(pipeline, step), coder.spec.payload)

    def command(address: str) -> List[str]:
        return [
            str(program),
            "--worker=true",
            "--id=1",
            f"--logging_endpoint={address}",
            f"--control_endpoint={address}",
            "--semi_persist_dir=/tmp",
            '--options={"beam:option:go_options:v1":{"options":{}}}',
        ]

    return Harness("Go", descriptor, command, lambda address: dict(settings or {}), scale)
