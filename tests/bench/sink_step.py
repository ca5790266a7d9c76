"""The sink as a runner gets it: expanded once by the real expansion service, its ParDo cut out for `bench_runner`."""

from __future__ import annotations

import subprocess
from typing import Dict, List

import grpc
from apache_beam.portability.api import (
    beam_expansion_api_pb2,
    beam_expansion_api_pb2_grpc,
    beam_fn_api_pb2,
    beam_runner_api_pb2,
    external_transforms_pb2,
    schema_pb2,
)
from apache_beam.transforms.external import ImplicitSchemaPayloadBuilder
from bench_report import ROOT
from bench_runner import BenchRunner, descriptor_of

PROGRAM = ROOT / "bazel-bin" / "worker" / "beam-tecton"
IDENTIFIER = "beam:schematransform:org.apache.beam:tecton_stream_write:v1"
SCHEMA_TRANSFORM_URN = "beam:expansion:payload:schematransform:v1"
START_TIMEOUT_S = 30.0


def _request(options: Dict[str, object], schema: schema_pb2.Schema) -> beam_expansion_api_pb2.ExpansionRequest:
    """What an SDK sends for `rows | sink`."""
    request = beam_expansion_api_pb2.ExpansionRequest(namespace="bench")
    components = request.components
    components.coders["row"].spec.urn = "beam:coder:row:v1"
    components.coders["row"].spec.payload = schema.SerializeToString()
    components.coders["window"].spec.urn = "beam:coder:global_window:v1"
    windows = components.windowing_strategies["windows"]
    windows.window_fn.urn = "beam:window_fn:global_windows:v1"
    windows.window_coder_id = "window"
    rows = components.pcollections["rows"]
    rows.unique_name = "rows"
    rows.coder_id = "row"
    rows.windowing_strategy_id = "windows"
    rows.is_bounded = beam_runner_api_pb2.IsBounded.BOUNDED
    payload = ImplicitSchemaPayloadBuilder(options).build()
    request.transform.unique_name = "Write"
    request.transform.inputs["input"] = "rows"
    request.transform.spec.urn = SCHEMA_TRANSFORM_URN
    request.transform.spec.payload = external_transforms_pb2.SchemaTransformPayload(
        identifier=IDENTIFIER, configuration_schema=payload.schema, configuration_row=payload.payload
    ).SerializeToString()
    return request


def _expand(request: beam_expansion_api_pb2.ExpansionRequest) -> beam_runner_api_pb2.Components:
    service = subprocess.Popen(
        [str(PROGRAM), "expansion-service", "--port", "0", "--exit-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert service.stdin is not None
    assert service.stdout is not None
    try:
        line = service.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError(f"the expansion service does not start: {line!r}")
        with grpc.insecure_channel(line.split()[-1]) as channel:
            stub = beam_expansion_api_pb2_grpc.ExpansionServiceStub(channel)
            response = stub.Expand(request, timeout=START_TIMEOUT_S, wait_for_ready=True)
    finally:
        service.stdin.close()
        service.wait(timeout=START_TIMEOUT_S)
    if response.error:
        raise RuntimeError(response.error)
    return response.components


def sink_descriptor(options: Dict[str, object], schema: schema_pb2.Schema) -> beam_fn_api_pb2.ProcessBundleDescriptor:
    """source -> sink; the sink's outputs are there and nobody reads them, as in most pipelines."""
    components = _expand(_request(options, schema))
    (step,) = [t for t in components.transforms.values() if t.spec.urn == "beam:transform:pardo:v1"]
    step.environment_id = ""
    descriptor = descriptor_of(step, schema.SerializeToString())
    for output in step.outputs.values():
        pcollection = descriptor.pcollections[output]
        pcollection.CopyFrom(components.pcollections[output])
        pcollection.windowing_strategy_id = "windows"
        descriptor.coders[pcollection.coder_id].CopyFrom(components.coders[pcollection.coder_id])
    return descriptor


def worker_command(address: str) -> List[str]:
    return [str(PROGRAM), "worker", "--id=1", f"--provision_endpoint={address}"]


def start_sink(options: Dict[str, object], schema: schema_pb2.Schema) -> BenchRunner:
    """A worker with the sink in it. Use as a context manager."""
    return BenchRunner(sink_descriptor(options, schema), worker_command)
