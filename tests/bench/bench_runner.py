"""A Beam runner that only feeds and measures: pre-encoded rows into a worker process, its own CPU time out.

It serves the Fn API on loopback, starts one worker process (any SDK's) and sends bundles as fast as it takes them.
What it costs itself does not count: the figures are the worker process's CPU time, as the kernel accounts it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import time
from concurrent import futures
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

import grpc
import process_cost
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_provision_api_pb2,
    beam_runner_api_pb2,
    endpoints_pb2,
)

PACKAGE = "org.apache.beam.model.fn_execution.v1"
SOURCE, STEP, SINK = "source", "step", "sink"
ANSWER_TIMEOUT_S = 120.0
RETRY_S = 0.05  # before a failed bundle runs again
MESSAGE_BYTES = 1 << 20


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def elements_message(instruction_id: str, data: bytes, last: bool) -> bytes:
    """An Elements message with one Data, packed by hand: the payload is copied once."""
    head = field(1, instruction_id.encode()) + field(2, SOURCE.encode())
    body = head + field(3, data) if data else head
    if last:
        body += b"\x20\x01"
    return field(1, body)


class BundleTimes(NamedTuple):
    seconds: List[float]  # from the request to the answer, of each bundle that succeeded
    failures: List[str]


class BenchRunner:
    """One worker process and the services it needs. Use as a context manager."""

    def __init__(
        self,
        descriptor: beam_fn_api_pb2.ProcessBundleDescriptor,
        command: Callable[[str], Sequence[str]],
        environment: Optional[Callable[[str], Dict[str, str]]] = None,
    ) -> None:
        """`command` and `environment` get the address of all services, host:port."""
        self._descriptor = descriptor
        self._instructions: queue.Queue[Optional[beam_fn_api_pb2.InstructionRequest]] = queue.Queue()
        self._data: queue.Queue[Optional[bytes]] = queue.Queue(maxsize=8)
        self._answers: Dict[str, futures.Future[beam_fn_api_pb2.InstructionResponse]] = {}
        self._bundle_number = 0
        self._ended = threading.Event()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=16),
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
        )
        self._server.add_generic_rpc_handlers((self._handlers(),))
        port = self._server.add_insecure_port("localhost:0")
        self.address = f"localhost:{port}"
        for transform in descriptor.transforms.values():
            if transform.spec.urn in ("beam:runner:source:v1", "beam:runner:sink:v1"):
                remote = beam_fn_api_pb2.RemoteGrpcPort.FromString(transform.spec.payload)
                remote.api_service_descriptor.url = self.address
                transform.spec.payload = remote.SerializeToString()
        descriptor.state_api_service_descriptor.url = self.address
        self._server.start()
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            command(self.address),
            env={**os.environ, **(environment(self.address) if environment else {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if "BENCH_VERBOSE" not in os.environ else None,
        )

    def __enter__(self) -> BenchRunner:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._instructions.put(None)
        with contextlib.suppress(queue.Full):  # a worker that reads no more: its stream ends with the server
            self._data.put_nowait(None)
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._server.stop(None)

    # --- services ---

    def _handlers(self) -> grpc.GenericRpcHandler:
        def method(handler, request, response, streams=True):
            make = grpc.stream_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
            return make(handler, request_deserializer=request, response_serializer=response)

        message = beam_fn_api_pb2
        handlers = {
            f"/{PACKAGE}.BeamFnControl/Control": method(
                self._control, message.InstructionResponse.FromString, message.InstructionRequest.SerializeToString
            ),
            f"/{PACKAGE}.BeamFnControl/GetProcessBundleDescriptor": method(
                lambda request, context: self._descriptor,
                message.GetProcessBundleDescriptorRequest.FromString,
                message.ProcessBundleDescriptor.SerializeToString,
                streams=False,
            ),
            f"/{PACKAGE}.BeamFnData/Data": method(self._send_data, None, None),
            f"/{PACKAGE}.BeamFnState/State": method(self._hold, None, None),
            f"/{PACKAGE}.BeamFnLogging/Logging": method(
                self._hold, message.LogEntry.List.FromString, message.LogControl.SerializeToString
            ),
            f"/{PACKAGE}.ProvisionService/GetProvisionInfo": method(
                self._provision,
                beam_provision_api_pb2.GetProvisionInfoRequest.FromString,
                beam_provision_api_pb2.GetProvisionInfoResponse.SerializeToString,
                streams=False,
            ),
        }

        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                return handlers.get(details.method)

        return Handler()

    def _provision(self, request, context) -> beam_provision_api_pb2.GetProvisionInfoResponse:
        endpoint = endpoints_pb2.ApiServiceDescriptor(url=self.address)
        return beam_provision_api_pb2.GetProvisionInfoResponse(
            info=beam_provision_api_pb2.ProvisionInfo(
                control_endpoint=endpoint,
                logging_endpoint=endpoint,
                artifact_endpoint=endpoint,
                retrieval_token="__no_artifacts_staged__",
            )
        )

    def _hold(self, requests, context) -> Iterator[bytes]:
        """A stream on which we say nothing: read it to its end."""
        for _ in requests:
            pass
        return iter(())

    def _control(self, responses, context) -> Iterator[beam_fn_api_pb2.InstructionRequest]:
        def read() -> None:
            try:
                for response in responses:
                    answer = self._answers.pop(response.instruction_id, None)
                    if answer is not None:
                        answer.set_result(response)
            except grpc.RpcError:
                pass
            self._ended.set()  # the worker has gone
            for instruction_id in list(self._answers):
                answer = self._answers.pop(instruction_id, None)
                if answer is not None:
                    answer.set_exception(RuntimeError("the worker has ended"))

        threading.Thread(target=read, daemon=True).start()
        while True:
            request = self._instructions.get()
            if request is None:
                return
            yield request

    def _send_data(self, elements, context) -> Iterator[bytes]:
        threading.Thread(target=lambda: [None for _ in self._quietly(elements)], daemon=True).start()
        while True:
            message = self._data.get()
            if message is None:
                return
            yield message

    @staticmethod
    def _quietly(stream) -> Iterator[bytes]:
        try:
            yield from stream
        except grpc.RpcError:
            return

    # --- bundles ---

    def start_bundle(self, payload: Sequence[bytes]) -> futures.Future[beam_fn_api_pb2.InstructionResponse]:
        """Sends ProcessBundle, then each of `payload` as one data message, then the end mark alone."""
        self._bundle_number += 1
        instruction_id = f"bundle_{self._bundle_number}"
        answer: futures.Future[beam_fn_api_pb2.InstructionResponse] = futures.Future()
        self._answers[instruction_id] = answer
        self._instructions.put(
            beam_fn_api_pb2.InstructionRequest(
                instruction_id=instruction_id,
                process_bundle=beam_fn_api_pb2.ProcessBundleRequest(process_bundle_descriptor_id=self._descriptor.id),
            )
        )
        for data in payload:
            self._data.put(elements_message(instruction_id, data, last=False), timeout=ANSWER_TIMEOUT_S)
        self._data.put(elements_message(instruction_id, b"", last=True), timeout=ANSWER_TIMEOUT_S)
        return answer

    def run(self, payload: Sequence[bytes], bundles: int, at_once: int = 1) -> None:
        """Runs `bundles` bundles of the same payload, `at_once` at a time; fails when one fails."""
        left = iter(range(bundles))
        self.drive(payload, at_once, lambda: next(left, None) is not None)

    def drive(
        self, payload: Sequence[bytes], at_once: int, again: Callable[[], bool], tolerant: bool = False
    ) -> BundleTimes:
        """Runs bundles of the same payload, `at_once` at a time, while `again` says so, and waits for the last.

        A bundle that fails ends it with RuntimeError; if `tolerant`, it is counted and run again, as runners do.
        """
        times = BundleTimes([], [])
        slots = threading.Semaphore(at_once)

        def start() -> None:
            began = time.monotonic()

            def end(answer: futures.Future[beam_fn_api_pb2.InstructionResponse]) -> None:
                problem = str(answer.exception()) if answer.exception() else answer.result().error
                if problem:
                    times.failures.append(problem)
                else:
                    times.seconds.append(time.monotonic() - began)
                slots.release()

            self.start_bundle(payload).add_done_callback(end)

        num_failed = 0
        while not self._ended.is_set() and again():
            self._wait_for(slots)
            if len(times.failures) > num_failed:
                if not tolerant:
                    break
                num_failed = len(times.failures)
                time.sleep(RETRY_S)
            start()
        if not times.failures or tolerant:
            for _ in range(at_once):
                self._wait_for(slots)
        if times.failures and (not tolerant or self._ended.is_set()):
            raise RuntimeError(times.failures[0])
        return times

    def _wait_for(self, slots: threading.Semaphore) -> None:
        if not slots.acquire(timeout=ANSWER_TIMEOUT_S):
            raise TimeoutError(f"no bundle has ended for {ANSWER_TIMEOUT_S:.0f} s")

    # --- measures ---

    def cpu_us(self) -> float:
        return process_cost.cpu_us(self.process.pid)

    def rss_mib(self, peak: bool = False) -> float:
        return process_cost.rss_mib(self.process.pid, peak)


def add_port(descriptor: beam_fn_api_pb2.ProcessBundleDescriptor, node: str, urn: str, coder_id: str) -> None:
    payload = beam_fn_api_pb2.RemoteGrpcPort(coder_id=coder_id)
    descriptor.transforms[node].spec.urn = urn
    descriptor.transforms[node].spec.payload = payload.SerializeToString()


def descriptor_of(
    step: beam_runner_api_pb2.PTransform, row_payload: bytes, row_urn: str = "beam:coder:row:v1"
) -> beam_fn_api_pb2.ProcessBundleDescriptor:
    """source -> step, rows in the global window with a length prefix, as FnApiRunner and Prism send them."""
    descriptor = beam_fn_api_pb2.ProcessBundleDescriptor(id="stage")
    coders = descriptor.coders
    coders["row"].spec.urn = row_urn
    coders["row"].spec.payload = row_payload
    coders["prefixed"].spec.urn = "beam:coder:length_prefix:v1"
    coders["prefixed"].component_coder_ids.append("row")
    coders["window"].spec.urn = "beam:coder:global_window:v1"
    coders["windowed"].spec.urn = "beam:coder:windowed_value:v1"
    coders["windowed"].component_coder_ids.extend(["prefixed", "window"])
    windows = descriptor.windowing_strategies["windows"]
    windows.window_fn.urn = "beam:window_fn:global_windows:v1"
    windows.window_coder_id = "window"
    windows.trigger.default.SetInParent()
    windows.accumulation_mode = beam_runner_api_pb2.AccumulationMode.DISCARDING
    windows.output_time = beam_runner_api_pb2.OutputTime.END_OF_WINDOW
    windows.closing_behavior = beam_runner_api_pb2.ClosingBehavior.EMIT_ALWAYS
    windows.on_time_behavior = beam_runner_api_pb2.OnTimeBehavior.FIRE_ALWAYS
    pcollection = descriptor.pcollections["rows"]
    pcollection.unique_name = "rows"
    pcollection.coder_id = "prefixed"
    pcollection.windowing_strategy_id = "windows"
    pcollection.is_bounded = beam_runner_api_pb2.IsBounded.BOUNDED
    add_port(descriptor, SOURCE, "beam:runner:source:v1", "windowed")
    descriptor.transforms[SOURCE].unique_name = SOURCE
    descriptor.transforms[SOURCE].outputs["out"] = "rows"
    descriptor.transforms[STEP].CopyFrom(step)
    descriptor.transforms[STEP].inputs.clear()
    descriptor.transforms[STEP].inputs["in"] = "rows"
    return descriptor


def chunks(element: Callable[[int], bytes], count: int) -> List[bytes]:
    """`count` encoded elements, in pieces of about a megabyte."""
    pieces: List[bytes] = []
    piece = bytearray()
    for i in range(count):
        piece += element(i)
        if len(piece) >= MESSAGE_BYTES:
            pieces.append(bytes(piece))
            piece.clear()
    if piece:
        pieces.append(bytes(piece))
    return pieces
