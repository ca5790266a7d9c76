"""The worker pool as runners call it, with jobs that are gRPC servers here: who is started, and who is ended.

Runners count their workers from one, so two jobs that share a pool ask for workers of the same id; and StopWorker names
nothing but the id.
"""

from __future__ import annotations

import subprocess
import threading
import time
from concurrent import futures
from typing import Callable, Iterator, List

import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2

from beam_tecton import local_service, native_binary

WAIT_SECONDS = 10.0
STILL_SECONDS = 0.5  # for what must not happen; a worker that is asked to end does so in a tenth of it
ID = "worker_1"


class Job(beam_fn_api_pb2_grpc.BeamFnControlServicer, beam_fn_api_pb2_grpc.BeamFnLoggingServicer):
    """A job's services, with no work to do: workers connect and wait until the job is over."""

    def __init__(self) -> None:
        self.connected: List[str] = []
        self._over = threading.Event()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(self, self._server)
        beam_fn_api_pb2_grpc.add_BeamFnLoggingServicer_to_server(self, self._server)
        self.endpoint = endpoints_pb2.ApiServiceDescriptor(
            url=f"localhost:{self._server.add_insecure_port('127.0.0.1:0')}"
        )
        self._server.start()

    def Control(self, responses, context):
        self.connected.append(dict(context.invocation_metadata())["worker_id"])
        self._over.wait()
        yield from ()

    def Logging(self, messages, context):
        for _ in messages:
            pass
        yield from ()

    def end(self) -> None:
        """Ends the workers' streams in order, as runners do."""
        self._over.set()

    def stop(self) -> None:
        self.end()
        self._server.stop(None).wait(WAIT_SECONDS)


class Pool:
    """`beam-tecton worker-pool` as a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [native_binary.find_binary(), "worker-pool", "--port", "0", "--exit-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._channel = grpc.insecure_channel(self._process.stdout.readline().split()[-1])
        self._stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(self._channel)

    def start_worker(self, job: Job, worker_id: str = ID) -> str:
        """The pool's error, empty when it started one."""
        request = beam_fn_api_pb2.StartWorkerRequest(
            worker_id=worker_id, control_endpoint=job.endpoint, logging_endpoint=job.endpoint
        )
        return self._stub.StartWorker(request, timeout=WAIT_SECONDS).error

    def stop_worker(self, worker_id: str = ID) -> None:
        request = beam_fn_api_pb2.StopWorkerRequest(worker_id=worker_id)
        assert not self._stub.StopWorker(request, timeout=WAIT_SECONDS).error

    def workers(self) -> List[int]:
        return local_service._children(self._process.pid)

    def stop(self) -> None:
        self._channel.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(WAIT_SECONDS) == 0


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool()
    yield made
    made.stop()


@pytest.fixture
def jobs() -> Iterator[List[Job]]:
    made = [Job(), Job()]
    yield made
    for job in made:
        job.stop()


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_worker_is_ended_by_its_id(pool, jobs):
    assert not pool.start_worker(jobs[0])
    assert wait_for(lambda: jobs[0].connected == [ID])
    pool.stop_worker()
    assert wait_for(lambda: not pool.workers())
    pool.stop_worker()  # what is gone already is no error


def test_a_worker_ends_with_its_job(pool, jobs):
    assert not pool.start_worker(jobs[0])
    assert wait_for(lambda: jobs[0].connected == [ID])
    jobs[0].end()
    assert wait_for(lambda: not pool.workers())


def test_a_job_has_one_worker_of_an_id(pool, jobs):
    assert not pool.start_worker(jobs[0])
    assert f"worker {ID} of the job at {jobs[0].endpoint.url} runs already" in pool.start_worker(jobs[0])
    assert not pool.start_worker(jobs[0], "worker_2")
    assert len(pool.workers()) == 2


def test_the_same_id_from_two_jobs_is_two_workers_and_neither_job_ends_the_other_s(pool, jobs):
    assert [pool.start_worker(job) for job in jobs] == ["", ""]
    assert wait_for(lambda: [job.connected for job in jobs] == [[ID], [ID]])
    first, second = pool.workers(), jobs[1]
    pool.stop_worker()  # of one of them, but which?
    time.sleep(STILL_SECONDS)
    assert pool.workers() == first
    jobs[0].end()
    assert wait_for(lambda: len(pool.workers()) == 1)
    pool.stop_worker()  # the first one's, which comes late
    time.sleep(STILL_SECONDS)
    assert len(pool.workers()) == 1
    second.end()
    assert wait_for(lambda: not pool.workers())


def test_a_stop_that_came_after_its_worker_had_ended_does_not_save_the_next_one(pool, jobs):
    assert not pool.start_worker(jobs[0])
    assert wait_for(lambda: jobs[0].connected == [ID])
    jobs[0].end()
    assert wait_for(lambda: not pool.workers())
    pool.stop_worker()
    assert not pool.start_worker(jobs[1])
    assert wait_for(lambda: jobs[1].connected == [ID])
    pool.stop_worker()
    assert wait_for(lambda: not pool.workers())
