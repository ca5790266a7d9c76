"""Black-box tests of how the emulator behaves under load: latency, capacity, outages, and what it tells of them."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from emulator_process import EDITOR, Answer, Emulator, ingest_body

CONFIG: dict[str, Any] = {
    "api_keys": {"editor-key": {"roles": {"prod": "editor"}}},
    "workspaces": {"prod": {"live": True}},
    "stream_sources": {
        "events": {"workspace": "prod", "timestamp": "at", "schema": {"user_id": "String", "at": "Timestamp"}}
    },
    "feature_views": {"latest": {"workspace": "prod", "source": "events", "join_keys": ["user_id"]}},
}


def rows(count: int = 1) -> list[dict[str, Any]]:
    return [{"user_id": f"u{i}", "at": "2026-01-01T00:00:00Z"} for i in range(count)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    path = tmp_path_factory.mktemp("traffic") / "config.json"
    path.write_text(json.dumps(CONFIG))
    emulator = Emulator(path)
    yield emulator
    assert emulator.stop() == 0


@pytest.fixture
def emulator(shared: Emulator) -> Emulator:
    shared.reset()
    return shared


def send(emulator: Emulator, count: int, at_once: int, records: int = 1) -> list[Answer]:
    """`count` requests, `at_once` at a time, each thread over a connection of its own."""
    connections = threading.local()

    def one(_: int) -> Answer:
        if not hasattr(connections, "own"):
            connections.own = emulator.connect()
        return emulator.ingest(*rows(records), connection=connections.own)

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, range(count)))


def took_ms(emulator: Emulator, records: int = 1) -> float:
    began = time.monotonic()
    assert emulator.ingest(*rows(records)).status == 200
    return (time.monotonic() - began) * 1e3


def test_a_fixed_latency_holds_each_request_that_long(emulator: Emulator) -> None:
    emulator.traffic(latency={"fixed_ms": 80})
    assert 80 <= took_ms(emulator) < 300
    began = time.monotonic()
    answers = send(emulator, 40, at_once=20)
    assert {answer.status for answer in answers} == {200}
    assert 0.16 <= time.monotonic() - began < 2  # one after the other would take 3.2 s
    counters = emulator.counters()
    assert counters["mean_latency_ms"] == 80
    assert counters["max_in_flight"] == 20
    assert counters["in_flight"] == 0
    emulator.traffic()
    assert took_ms(emulator) < 80


def test_the_lognormal_latency_depends_on_the_number_of_records(emulator: Emulator) -> None:
    shapes = {"1": {"median_ms": 10, "p99_ms": 10}, "10": {"median_ms": 60, "p99_ms": 60}}
    emulator.traffic(latency={"lognormal": shapes})
    assert 10 <= took_ms(emulator, 1) < 60
    assert 60 <= took_ms(emulator, 10) < 300


def test_tectons_latency_has_its_mean(emulator: Emulator) -> None:
    emulator.traffic(latency="tecton")
    send(emulator, 300, at_once=50, records=10)
    assert 97 < emulator.counters()["mean_latency_ms"] < 111  # 103.9 in theory, 1.7 either way


def test_a_request_that_no_latency_holds_has_none(emulator: Emulator) -> None:
    emulator.traffic(latency={"fixed_ms": 500})
    emulator.faults({"status": 503})
    began = time.monotonic()
    assert emulator.ingest(*rows()).status == 503
    assert time.monotonic() - began < 0.4


def test_more_than_fit_in_progress_are_refused(emulator: Emulator) -> None:
    emulator.traffic(latency={"fixed_ms": 400}, capacity={"max_in_progress": 5})
    statuses = [answer.status for answer in send(emulator, 12, at_once=12)]
    assert sorted(statuses) == [200] * 5 + [429] * 7
    assert emulator.counters()["responses"] == {"200": 5, "429": 7}
    assert emulator.counters()["records_written"] == 5
    assert took_ms(emulator) >= 400  # room again


def test_a_refusal_is_told_as_an_error_of_the_request(emulator: Emulator) -> None:
    emulator.traffic(capacity={"requests_per_second": 0.01})
    assert emulator.ingest(*rows()).status == 200
    answer = emulator.ingest(*rows())
    assert answer.status == 429
    assert "too many requests" in answer.json()["requestError"]["errorMessage"]
    assert answer.headers["retry-after"] is None
    emulator.traffic(capacity={"requests_per_second": 0.01, "retry_after": "3"})
    assert [emulator.ingest(*rows()).headers["retry-after"] for _ in range(2)] == [None, "3"]
    emulator.traffic(capacity={"requests_per_second": 0.01, "retry_after": {"date_in_seconds": 30}})
    ahead = parsedate_to_datetime([emulator.ingest(*rows()) for _ in range(2)][1].headers["retry-after"])
    assert timedelta(seconds=20) < ahead - datetime.now(UTC) <= timedelta(seconds=30)


def test_a_rate_is_held(emulator: Emulator) -> None:
    emulator.traffic(capacity={"requests_per_second": 100, "burst": 10})
    connection = emulator.connect()
    began = time.monotonic()
    statuses = []
    while time.monotonic() - began < 1.0:
        statuses.append(emulator.ingest(*rows(), connection=connection).status)
    connection.close()
    assert 95 <= statuses.count(200) <= 115
    assert statuses.count(429) > 0


def test_capacity_grows_under_pressure(emulator: Emulator) -> None:
    growth = {"every_ms": 300, "up_to": 4}
    emulator.traffic(latency={"fixed_ms": 100}, capacity={"max_in_progress": 2, "growth": growth})
    admitted = []
    for _ in range(4):
        statuses = [answer.status for answer in send(emulator, 12, at_once=12)]
        admitted.append(statuses.count(200))
        time.sleep(0.3)
    assert admitted[0] == 2
    assert admitted == sorted(admitted)
    assert admitted[-1] == 8


def test_an_outage_is_a_window_of_time(emulator: Emulator) -> None:
    emulator.faults({"status": 503, "after_ms": 200, "for_ms": 300})
    began = time.monotonic()
    seen: list[tuple[float, int]] = []
    while time.monotonic() - began < 0.8:
        seen.append((time.monotonic() - began, emulator.ingest(*rows()).status))
    down = [at for at, status in seen if status == 503]
    assert down
    assert min(down) >= 0.15
    assert max(down) <= 0.55
    assert all(status == 503 for at, status in seen if min(down) < at < max(down))
    assert seen[-1][1] == 200


def test_the_history_tells_what_came_and_went(emulator: Emulator) -> None:
    emulator.traffic(latency={"fixed_ms": 250}, capacity={"max_in_progress": 8})
    send(emulator, 10, at_once=10)
    history = emulator.history()
    assert 3 <= len(history) <= 20
    assert [step["at_ms"] for step in history] == [history[0]["at_ms"] + 100 * i for i in range(len(history))]
    assert sum(step["arrivals"] for step in history) == 10
    assert sum(step["records_written"] for step in history) == 8
    answers: dict[str, int] = {}
    for step in history:
        for status, count in step["answers"].items():
            answers[status] = answers.get(status, 0) + count
    assert answers == {"200": 8, "429": 2}
    assert max(step["max_in_flight"] for step in history) >= 8
    assert emulator.history(last=1) == [emulator.history()[-1]]


def test_who_hangs_up_makes_room(emulator: Emulator) -> None:
    emulator.traffic(latency={"fixed_ms": 300}, capacity={"max_in_progress": 1})
    body = json.dumps(ingest_body(*rows())).encode()
    head = f"POST /ingest HTTP/1.1\r\nHost: x\r\nAuthorization: {EDITOR}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as raw:
        raw.sendall(head.encode() + body)
        time.sleep(0.05)
        assert emulator.counters()["in_flight"] == 1
        assert emulator.ingest(*rows()).status == 429
    deadline = time.monotonic() + 5
    while emulator.counters()["in_flight"] > 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert emulator.counters()["in_flight"] == 0
    assert emulator.ingest(*rows()).status == 200


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_request_counts_although_its_client_hung_up(emulator: Emulator, how: str) -> None:
    """Whether the closed connection is noticed before the delay is over must not decide what is counted."""
    emulator.faults({"delay_ms": 100, "times": -1})
    body = json.dumps(ingest_body(*rows())).encode()
    head = f"POST /ingest HTTP/1.1\r\nHost: x\r\nAuthorization: {EDITOR}\r\nContent-Length: {len(body)}\r\n\r\n"
    deadline = time.monotonic() + 30
    for number in range(100):
        with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as raw:
            raw.sendall(head.encode() + body)
            if how == "reset":  # once the emulator has read it: a reset throws away what is on its way
                while sum(step["arrivals"] for step in emulator.history()) <= number and time.monotonic() < deadline:
                    time.sleep(0.001)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    deadline = time.monotonic() + 5
    while emulator.counters()["requests"] < 100 and time.monotonic() < deadline:
        time.sleep(0.02)
    counters = emulator.counters()
    assert counters["requests"] == 100
    assert counters["in_flight"] == 0
    assert counters["records_written"] == 100 * len(rows())


def test_a_thousand_requests_wait_side_by_side(emulator: Emulator) -> None:
    emulator.traffic(latency={"fixed_ms": 3000})
    body = json.dumps(ingest_body(*rows())).encode()
    head = f"POST /ingest HTTP/1.1\r\nHost: x\r\nAuthorization: {EDITOR}\r\nContent-Length: {len(body)}\r\n\r\n"
    clients = []
    try:
        for _ in range(1000):
            clients.append(socket.create_connection(("127.0.0.1", emulator.port), timeout=20))
            clients[-1].sendall(head.encode() + body)
        for client in clients:
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        for client in clients:
            client.close()
    assert emulator.counters()["max_in_flight"] == 1000
    threads = len(list(Path(f"/proc/{emulator.process.pid}/task").iterdir()))
    assert threads < 10


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"latency": {"fixed_ms": -1}}, "latency: fixed_ms"),
        ({"capacity": {"burst": 5}}, "capacity: expected max_in_progress"),
        ({"speed": 1}, "unknown name"),
    ],
)
def test_a_wrong_model_is_refused_and_changes_nothing(emulator: Emulator, model: dict[str, Any], words: str) -> None:
    emulator.traffic(latency={"fixed_ms": 60})
    answer = emulator.call("POST", "/__emulator/traffic", model, authorization=None)
    assert answer.status == 400
    assert words in answer.json()["error"]
    assert took_ms(emulator) >= 60


def test_the_configs_model_comes_back_with_a_reset(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**CONFIG, "traffic": {"latency": {"fixed_ms": 70}}}))
    emulator = Emulator(path)
    assert took_ms(emulator) >= 70
    emulator.traffic()
    assert took_ms(emulator) < 70
    emulator.reset()
    assert took_ms(emulator) >= 70
    assert emulator.stop() == 0
