"""Writes the corpora of the fuzz targets anew: `build/venv/bin/python tests/fuzz/make_corpus.py`.

They are what a target starts from: well-formed inputs of each kind, made with the installed Beam, and rows of the Java
and Go SDKs from tests/conformance. Corpora are checked in; what a fuzzer finds is added as a file of its own.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
from pathlib import Path
from typing import Dict, Iterator, Tuple

from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2, schema_pb2

FOLDER = Path(__file__).parent
CONFORMANCE = FOLDER.parent / "conformance"
sys.path.insert(0, str(CONFORMANCE))

from expansion_contract_test import CONFIG, request  # noqa: E402

# A time, one window (the global one has no bytes), a pane.
GLOBAL = bytes.fromhex("8000018bcfe56800000000010f")
INTERVAL = bytes.fromhex("8000018bcfe56800000000018000018bcfe5ea5fe0d4030f")
FLAG_INTERVAL, FLAG_PREFIXED = 1, 2
MAX_BYTES = 1500  # smaller inputs are mutated more tellingly


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def rows() -> Iterator[Tuple[str, bytes]]:
    """Each schema of the checked-in rows with its first rows, in one of the four ways that elements come."""
    for sdk in ("java", "go"):
        lines = (CONFORMANCE / f"{sdk}_rows.jsonl").read_bytes().split(b"\n")
        for number, line in enumerate(filter(None, lines)):
            read = json.loads(line)
            schema = base64.b64decode(read["schema"])
            flags = number % 4
            elements = b""
            for one in read["rows"][:3]:
                row = base64.b64decode(one["row"])
                head = INTERVAL if flags & FLAG_INTERVAL else GLOBAL
                elements += head + (varint(len(row)) if flags & FLAG_PREFIXED else b"") + row
            whole = bytes([flags]) + struct.pack(">H", len(schema)) + schema + elements
            if len(whole) <= MAX_BYTES:
                yield f"{sdk}_{number:02d}", whole


def elements() -> Iterator[Tuple[str, bytes]]:
    message = beam_fn_api_pb2.Elements()
    for instruction in ("inst001", "inst002"):
        message.data.add(instruction_id=instruction, transform_id="source", data=GLOBAL + b"\x01\x00\x05hello")
        message.data.add(instruction_id=instruction, transform_id="source", is_last=True)
    yield "data", message.SerializeToString()
    message.timers.add(instruction_id="inst001", transform_id="step", timer_family_id="t", timers=b"abc", is_last=True)
    yield "data_and_timers", message.SerializeToString()
    yield "nothing", b""


def descriptors() -> Iterator[Tuple[str, bytes]]:
    """source -> DoFn -> two outputs, of which one is flattened with the input and read by a sink."""
    descriptor = beam_fn_api_pb2.ProcessBundleDescriptor(id="1")
    port = beam_fn_api_pb2.RemoteGrpcPort(coder_id="wire")
    port.api_service_descriptor.url = "localhost:1"
    source = descriptor.transforms["source"]
    source.spec.urn = "beam:runner:source:v1"
    source.spec.payload = port.SerializeToString()
    source.outputs["out"] = "rows"
    step = descriptor.transforms["step"]
    step.unique_name = "Write/ParDo"
    step.spec.urn = "beam:transform:pardo:v1"
    step.spec.payload = beam_runner_api_pb2.ParDoPayload(
        do_fn=beam_runner_api_pb2.FunctionSpec(urn="fuzz:dofn:v1", payload=b"options")
    ).SerializeToString()
    step.inputs["input"] = "rows"
    step.outputs["written"] = "written"
    step.outputs["errors"] = "errors"
    flatten = descriptor.transforms["flatten"]
    flatten.spec.urn = "beam:transform:flatten:v1"
    flatten.inputs["0"] = "written"
    flatten.inputs["1"] = "rows"
    flatten.outputs["out"] = "all"
    sink = descriptor.transforms["sink"]
    sink.spec.urn = "beam:runner:sink:v1"
    sink.spec.payload = port.SerializeToString()
    sink.inputs["in"] = "all"
    for pcollection in ("rows", "written", "errors", "all"):
        descriptor.pcollections[pcollection].coder_id = "row"
        descriptor.pcollections[pcollection].windowing_strategy_id = "windows"
    schema = schema_pb2.Schema(id="a")
    schema.fields.add(name="user_id").type.atomic_type = schema_pb2.STRING
    descriptor.coders["row"].spec.urn = "beam:coder:row:v1"
    descriptor.coders["row"].spec.payload = schema.SerializeToString()
    descriptor.coders["prefixed"].spec.urn = "beam:coder:length_prefix:v1"
    descriptor.coders["prefixed"].component_coder_ids.append("row")
    descriptor.coders["window"].spec.urn = "beam:coder:interval_window:v1"
    descriptor.coders["wire"].spec.urn = "beam:coder:windowed_value:v1"
    descriptor.coders["wire"].component_coder_ids.extend(["prefixed", "window"])
    yield "two_outputs", descriptor.SerializeToString(deterministic=True)
    descriptor.coders["wire"].component_coder_ids[1] = "custom"
    descriptor.coders["custom"].spec.urn = "beam:coder:custom_window:v1"
    descriptor.coders["custom"].component_coder_ids.append("text")
    descriptor.coders["text"].spec.urn = "beam:coder:string_utf8:v1"
    yield "custom_windows", descriptor.SerializeToString(deterministic=True)
    descriptor.coders["prefixed"].component_coder_ids[0] = "pair"
    descriptor.coders["pair"].spec.urn = "beam:coder:kv:v1"
    descriptor.coders["pair"].component_coder_ids.extend(["text", "many"])
    descriptor.coders["many"].spec.urn = "beam:coder:iterable:v1"
    descriptor.coders["many"].component_coder_ids.append("text")
    del descriptor.transforms["step"]
    yield "no_rows", descriptor.SerializeToString(deterministic=True)


def expansions() -> Iterator[Tuple[str, bytes]]:
    more = {**CONFIG, "batch_size": 5, "timeout": 2.5, "environment_type": "PROCESS", "environment_config": "/bin/true"}
    yield "schema_transform", request(CONFIG).SerializeToString(deterministic=True)
    yield "payload", request(more, legacy=True).SerializeToString(deterministic=True)
    yield (
        "dataflow",
        request({**CONFIG, "container_image": "a/b:c"}, runner="DataflowRunner").SerializeToString(deterministic=True),
    )
    yield "no_rows", request(CONFIG, coder_urn="beam:coder:bytes:v1").SerializeToString(deterministic=True)


def responses() -> Iterator[Tuple[str, bytes]]:
    success = {
        "workspaceName": "prod",
        "ingestMetrics": {
            "featureViewIngestMetrics": [
                {"featureViewName": "v", "onlineRecordIngestCount": "10", "offlineRecordIngestCount": "10"}
            ]
        },
    }
    records = {
        "workspaceName": "prod",
        "recordErrors": [
            {"featureViewName": "v", "pushSourceName": "events", "errorType": "T", "errorMessage": "amount s3cr3t-k3y"}
        ],
    }
    whole = {"requestError": {"errorMessage": "workspace s3cr3t-k3y not found", "errorType": "NotFound"}}
    gateway = {"error": "x", "message": "The upstream\u0000 server"}
    for name, status, body in (
        ("success", 200, json.dumps(success)),
        ("record_errors", 400, json.dumps(records)),
        ("request_error", 404, json.dumps(whole)),
        ("gateway", 503, json.dumps(gateway)),
        ("page", 502, "<html><body>s3cr3t-k3y Bad gateway</body></html>"),
        ("throttled", 429, ""),
        ("forbidden", 403, '{"requestError":{"errorMessage":"a\\u0007b \\ud83d\\ude00 %s"}}' % ("x" * 600)),
    ):
        yield name, struct.pack(">HB", status - 200, 0) + body.encode()


def waits() -> Iterator[Tuple[str, bytes]]:
    yield from (
        ("seconds", b"120"),
        ("imf", b"Wed, 21 Oct 2026 07:28:00 GMT"),
        ("rfc850", b"Wednesday, 21-Oct-26 07:28:00 GMT"),
        ("asctime", b"Wed Oct 21 07:28:00 2026"),
        ("negative", b"-1"),
    )


def payloads() -> Iterator[Tuple[str, bytes]]:
    least = dict(CONFIG)
    yield "least", json.dumps(least).encode()
    more = {"batch_size": 5, "timeout": 2.5, "dry_run": True, "error_handling.output": "bad", "on_exhausted": "fail"}
    yield "more", json.dumps({**least, **more}).encode()
    yield "wrong", b'{"batch_size":11,"timeout":"x"}'


def answers() -> Iterator[Tuple[str, bytes]]:
    for number, text in enumerate(
        (
            b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            b"Connection: keep-alive\r\n\r\n{}",
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n3;x=y\r\n12}\r\n0\r\nX-T: 1\r\n\r\n',
            b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.0 503 Busy\r\nRetry-After: Wed, 21 Oct 2015 07:28:05 GMT\r\n\r\nuntil the end",
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        )
    ):
        yield f"answer_{number}", text


CORPORA = {
    "row": rows,
    "elements": elements,
    "descriptor": descriptors,
    "expansion": expansions,
    "ingest_response": responses,
    "retry_after": waits,
    "sink_payload": payloads,
    "http_answer": answers,
}


def main() -> None:
    counts: Dict[str, int] = {}
    for target, make in CORPORA.items():
        folder = FOLDER / f"{target}_corpus"
        folder.mkdir(exist_ok=True)
        for name, content in make():
            (folder / name).write_bytes(content)
            counts[target] = counts.get(target, 0) + 1
    print(", ".join(f"{target}: {count}" for target, count in counts.items()))


if __name__ == "__main__":
    main()
