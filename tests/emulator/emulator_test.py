"""Black-box tests of beam-tecton-emulator: they start the binary and speak HTTP to it (see emulator_process.py)."""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from emulator_process import BINARY, EDITOR, Answer, Emulator, ingest_body

CONFIGS = Path(__file__).resolve().parent / "configs"
VIEWER = "Tecton-key viewer-key"

SCHEMA: dict[str, Any] = {
    "user_id": "String",
    "amount": "Float64",
    "count": "Int64",
    "tags": {"array": "String"},
    "event_time": "Timestamp",
}


def config(**strictness: Any) -> dict[str, Any]:
    """A cluster with a plain, an aggregate, a TTL and an offline view, in one live and one other workspace."""

    def source(workspace: str = "prod") -> dict[str, Any]:
        return {"workspace": workspace, "timestamp": "event_time", "schema": SCHEMA}

    def view(source_name: str, workspace: str = "prod", **more: Any) -> dict[str, Any]:
        return {"workspace": workspace, "source": source_name, "join_keys": ["user_id"], **more}

    return {
        "api_keys": {
            "editor-key": {"roles": {"prod": "editor", "dev": "owner"}},
            "viewer-key": {"roles": {"prod": "viewer"}},
        },
        "workspaces": {"prod": {"live": True}, "dev": {"live": False}},
        "stream_sources": {
            "events": source(),
            "ttl_events": source(),
            "offline_events": source(),
            "orphans": source(),
            "dev_events": source("dev"),
        },
        "feature_views": {
            "latest": view("events"),
            "totals": view("events", aggregate=True),
            "recent": view("ttl_events", ttl_seconds=3600),
            "archive": view("offline_events", online=False),
            "dev_latest": view("dev_events", "dev"),
        },
        "strictness": strictness,
        "observe": {"body_sha256": True},
    }


def record(**columns: Any) -> dict[str, Any]:
    """A good record, with some columns set otherwise."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"user_id": "u1", "amount": 1.5, "count": 7, "tags": ["a"], "event_time": now, **columns}


def camel(body: dict[str, Any]) -> dict[str, Any]:
    return {"workspaceName": body["workspace_name"], "dryRun": body["dry_run"], "records": body["records"]}


Starter = Callable[..., Emulator]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts emulators with a given config and ends them, which must go cleanly."""
    started: list[Emulator] = []

    def start_one(settings: dict[str, Any], *arguments: str, context: ssl.SSLContext | None = None) -> Emulator:
        path = tmp_path / f"config_{len(started)}.json"
        path.write_text(json.dumps(settings))
        started.append(Emulator(path, *arguments, context=context))
        return started[-1]

    yield start_one
    codes = [one.stop() for one in started]
    assert codes == [0] * len(codes)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    path = tmp_path_factory.mktemp("shared") / "config.json"
    path.write_text(json.dumps(config()))
    emulator = Emulator(path)
    yield emulator
    assert emulator.stop() == 0


@pytest.fixture
def emulator(shared: Emulator) -> Emulator:
    shared.reset()
    return shared


def test_an_ingested_record_is_read_back(emulator: Emulator) -> None:
    row = record(count="9007199254740993", tags=["x", None], event_time="2026-03-01T14:45:00.5+05:30", amount=None)
    answer = emulator.ingest(row)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    got = answer.json()
    assert got["workspaceName"] == "prod"
    views = got["ingestMetrics"]["featureViewIngestMetrics"]
    assert [view["featureViewName"] for view in views] == ["latest", "totals"]
    for view in views:
        assert view["onlineRecordIngestCount"] == "1"
        assert view["offlineRecordIngestCount"] == "1"
        assert len(view["featureViewId"]) == 32
    assert emulator.read("u1") == {
        "user_id": "u1",
        "amount": None,
        "count": "9007199254740993",
        "tags": ["x", None],
        "event_time": "2026-03-01T09:15:00.500Z",
    }
    assert emulator.rows("latest") == [emulator.read("u1")]


def test_a_plain_view_keeps_the_newest_and_an_aggregate_view_all(emulator: Emulator) -> None:
    for second, amount in ((5, 1.0), (3, 2.0), (5, 3.0)):
        assert emulator.ingest(record(amount=amount, event_time=f"2026-01-01T00:00:0{second}Z")).status == 200
    assert emulator.read("u1")["amount"] == 3.0
    assert emulator.rows("latest")[0]["amount"] == 3.0
    assert sorted(row["amount"] for row in emulator.rows("totals")) == [2.0, 3.0]
    counters = emulator.counters()
    assert counters["records_written"] == 3
    assert counters["distinct_keys_by_view"]["latest"] == 1
    assert counters["distinct_events_by_view"] == {
        "latest": 2, "totals": 2, "recent": 0, "archive": 0, "dev_latest": 0,
    }  # fmt: skip
    assert (counters["distinct_keys"], counters["distinct_events"]) == (2, 4)


def test_each_path_takes_its_own_spelling(emulator: Emulator) -> None:
    body = ingest_body(record())
    assert emulator.call("POST", "/ingest", body).status == 200
    assert emulator.call("POST", "/v2/ingest", camel(body)).status == 200
    for path, wrong in (("/ingest", camel(body)), ("/v2/ingest", body)):
        answer = emulator.call("POST", path, wrong)
        assert answer.status == 400
        assert answer.json()["requestError"]["errorType"] == "RequestValidationError"


def test_a_viewer_may_dry_run_and_nothing_is_written(emulator: Emulator) -> None:
    answer = emulator.call("POST", "/ingest", ingest_body(record(), dry=True), authorization=VIEWER)
    assert answer.status == 200
    assert "IngestCount" not in answer.body.decode()
    assert emulator.rows("latest") == []
    counters = emulator.counters()
    assert (counters["records_received"], counters["records_written"], counters["records_rejected"]) == (1, 0, 0)


ORDER: list[tuple[int, dict[str, Any]]] = [
    (401, {"authorization": None}),
    (401, {"authorization": "Tecton-key wrong", "body": "rubbish"}),
    (401, {"authorization": "Bearer editor-key"}),
    (401, {"authorization": None, "body": "x" * 1048577}),
    (413, {"body": "x" * 1048577, "headers": {"Content-Encoding": "gzip"}}),
    (415, {"body": b"\x1f\x8b\x08", "headers": {"Content-Encoding": "gzip"}}),
    (400, {"body": ""}),
    (400, {"body": "{"}),
    (400, {"body": '{"workspace_name":"prod","dry_run":false,"dry_run":false,"records":{}}'}),
    (400, {"body": {**ingest_body(record()), "extra": 1}}),
    (400, {"body": {"workspace_name": "nowhere", "records": {}}}),
    (404, {"body": ingest_body({}, source="nothing", workspace="nowhere"), "authorization": VIEWER}),
    (403, {"body": ingest_body({}, source="nothing"), "authorization": VIEWER}),
    (403, {"body": ingest_body({}, workspace="dev", dry=True), "authorization": VIEWER}),
    (404, {"body": ingest_body({}, source="nothing")}),
    (404, {"body": ingest_body({}, source="dev_events")}),
    (404, {"body": ingest_body({}, source="orphans")}),
    (404, {"body": ingest_body({}, source="offline_events")}),
    (404, {"body": ingest_body({}, source="dev_events", workspace="dev")}),
    (400, {"body": ingest_body({})}),
]


@pytest.mark.parametrize(("status", "how"), ORDER)
def test_checks_come_in_order(emulator: Emulator, status: int, how: dict[str, Any]) -> None:
    answer = emulator.call("POST", "/ingest", **{"body": "", **how})
    assert answer.status == status, answer.body
    got = answer.json()
    if "requestError" in got:
        assert set(got) == {"requestError"}
        assert set(got["requestError"]) == {"errorMessage", "errorType"}
    else:
        assert set(got) == {"workspaceName", "recordErrors"}
    assert emulator.counters()["responses"] == {str(status): 1}


def test_record_errors_are_collected_and_nothing_is_written(emulator: Emulator) -> None:
    answer = emulator.ingest(record(), record(count=1.5), record(), record(user_id=None), record(amount="secret"))
    assert answer.status == 400
    got = answer.json()
    assert got["workspaceName"] == "prod"
    errors = got["recordErrors"]
    assert [error.get("featureViewName") for error in errors] == [None, "latest", "totals", None]
    for error in errors:
        assert error["pushSourceName"] == "events"
        assert error["errorType"] == "TectonObjectValidationError"
        assert set(error) <= {"featureViewName", "pushSourceName", "errorType", "errorMessage"}
    assert "secret" not in answer.body.decode()
    assert emulator.rows("latest") == []
    counters = emulator.counters()
    assert (counters["records_received"], counters["records_written"], counters["records_rejected"]) == (5, 0, 5)
    assert counters["batch_sizes"] == {"5": 1}


def test_the_serving_ttl_is_checked(emulator: Emulator) -> None:
    now = datetime.now(UTC)
    young = record(event_time=(now - timedelta(minutes=59)).isoformat())
    old = record(event_time=(now - timedelta(minutes=61)).isoformat())
    future = record(event_time=(now + timedelta(days=900)).isoformat())
    assert emulator.ingest(young, source="ttl_events").status == 200
    assert emulator.ingest(future, source="ttl_events").status == 200
    answer = emulator.ingest(old, source="ttl_events")
    assert answer.status == 400
    assert [error["featureViewName"] for error in answer.json()["recordErrors"]] == ["recent"]


def test_several_sources_in_one_request(emulator: Emulator) -> None:
    body = ingest_body(record())
    body["records"]["ttl_events"] = [{"record": record(user_id="u2")}, {"record": record(user_id="u3")}]
    answer = emulator.call("POST", "/ingest", body)
    counts = {
        view["featureViewName"]: view["onlineRecordIngestCount"]
        for view in answer.json()["ingestMetrics"]["featureViewIngestMetrics"]
    }
    assert counts == {"latest": "1", "totals": "1", "recent": "2"}
    assert emulator.requests()[-1]["source"] == "events,ttl_events"


def test_other_paths_and_methods(emulator: Emulator) -> None:
    for method, path, status, allow in (
        ("POST", "/", 404, None),
        ("POST", "/ingest/", 404, None),
        ("POST", "/v1/ingest", 404, None),
        ("GET", "/ingest", 405, "POST"),
        ("PUT", "/v2/ingest", 405, "POST"),
        ("GET", "/api/v1/feature-service/get-features", 405, "POST"),
        ("POST", "/api/v1/metadata-service/workspaces/prod", 405, "GET"),
        ("GET", "/__emulator/faults", 405, "POST"),
        ("POST", "/__emulator/shutdown", 404, None),
    ):
        answer = emulator.call(method, path, b"{}" if method != "GET" else None)
        assert (answer.status, answer.headers["allow"]) == (status, allow), path
        answer.json()
    assert emulator.counters()["requests"] == 0


def test_workspaces_are_described(emulator: Emulator) -> None:
    def get(name: str, authorization: str | None = EDITOR) -> Answer:
        return emulator.call("GET", f"/api/v1/metadata-service/workspaces/{name}", authorization=authorization)

    assert get("prod", VIEWER).json() == {"workspace": {"name": "prod", "capabilities": {"materializable": True}}}
    assert get("dev").json()["workspace"]["capabilities"] == {"materializable": False}
    assert [get("none").status, get("dev", VIEWER).status, get("prod", None).status] == [404, 403, 401]


def test_connections_are_kept_and_counted_once(emulator: Emulator) -> None:
    connection = emulator.connect()
    for _ in range(3):
        assert emulator.ingest(record(), connection=connection).status == 200
    assert emulator.ingest(record(count="bad"), connection=connection).status == 400
    assert emulator.call("POST", "/ingest", "x" * 1048577, connection=connection).status == 413
    assert emulator.ingest(record(), connection=connection).status == 200
    connection.close()
    counters = emulator.counters()
    assert (counters["connections"], counters["requests"]) == (1, 6)
    assert counters["max_body_bytes_seen"] == 1048577


def test_a_body_may_come_in_chunks(emulator: Emulator) -> None:
    body = json.dumps(ingest_body(record())).encode()
    connection = emulator.connect()
    pieces = iter([body[:5], body[5:6], body[6:]])
    connection.request("POST", "/ingest", body=pieces, headers={"Authorization": EDITOR}, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


def send_megabytes(connection: http.client.HTTPConnection, count: int) -> None:
    for _ in range(count):
        connection.send(b"x" * (1 << 20))


def test_a_huge_body_is_not_read_to_its_end(emulator: Emulator) -> None:
    connection = emulator.connect()
    connection.putrequest("POST", "/ingest")
    connection.putheader("Authorization", EDITOR)
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    with pytest.raises(ConnectionError):
        send_megabytes(connection, 64)
    connection.close()
    assert emulator.ingest(record()).status == 200


def test_garbage_instead_of_http_is_survived(emulator: Emulator) -> None:
    negative = b"POST /ingest HTTP/1.1\r\nContent-Length: -5\r\n\r\n"
    for rubbish in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", negative):
        with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as raw:
            raw.sendall(rubbish)
    assert emulator.ingest(record()).status == 200


def test_the_request_log_tells_time_size_and_digest(emulator: Emulator) -> None:
    body = json.dumps(ingest_body(record(), record(user_id="u2"))).encode()
    for _ in range(2):
        emulator.call("POST", "/ingest", body)
    emulator.ingest(record(), authorization=None)
    log = emulator.requests()
    assert [entry["status"] for entry in log] == [200, 200, 401]
    assert [entry["records"] for entry in log] == [2, 2, 0]
    assert [entry["source"] for entry in log] == ["events", "events", ""]
    assert log[0]["bytes"] == len(body)
    assert log[0]["body_sha256"] == log[1]["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert log[0]["at_ms"] <= log[1]["at_ms"] <= log[2]["at_ms"]
    assert emulator.requests(last=1) == log[-1:]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 415, 425, 429, 500, 502, 503, 504])
def test_every_status_can_be_scripted(emulator: Emulator, status: int) -> None:
    emulator.faults({"status": status, "times": 2})
    assert [emulator.ingest(record()).status for _ in range(3)] == [status, status, 200]
    counters = emulator.counters()
    assert counters["responses"] == {str(status): 2, "200": 1}
    assert (counters["requests"], counters["records_received"], counters["records_written"]) == (3, 1, 1)
    assert [entry["records"] for entry in emulator.requests()] == [1, 1, 1]


def test_faults_pass_some_requests_first_and_follow_each_other(emulator: Emulator) -> None:
    emulator.faults({"status": 503, "after": 1}, {"status": 429, "times": -1})
    assert [emulator.ingest(record()).status for _ in range(5)] == [200, 503, 429, 429, 429]
    emulator.faults()
    assert emulator.ingest(record()).status == 200


def test_a_fault_of_some_probability_hits_some(emulator: Emulator) -> None:
    emulator.faults({"status": 500, "times": -1, "probability": 0.3})
    connection = emulator.connect()
    statuses = [emulator.ingest(record(), connection=connection).status for _ in range(200)]
    connection.close()
    assert 30 < statuses.count(500) < 90
    assert statuses.count(500) + statuses.count(200) == 200


def test_faults_only_hit_ingest_requests(emulator: Emulator) -> None:
    emulator.faults({"status": 503})
    emulator.read("u1")
    emulator.call("GET", "/ingest")
    assert emulator.call("POST", "/v2/ingest", camel(ingest_body(record()))).status == 503


def test_retry_after_comes_in_three_forms(emulator: Emulator) -> None:
    emulator.faults(
        {"status": 429, "retry_after": "1"},
        {"status": 503, "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"},
        {"status": 503, "retry_after": {"date_in_seconds": 30}},
        {"status": 429},
    )
    values = [emulator.ingest(record()).headers["retry-after"] for _ in range(4)]
    assert values[:2] == ["1", "Wed, 21 Oct 2026 07:28:00 GMT"]
    ahead = parsedate_to_datetime(values[2]) - datetime.now(UTC)
    assert timedelta(seconds=20) < ahead <= timedelta(seconds=30)
    assert values[3] is None


def test_bodies_of_faults(emulator: Emulator) -> None:
    def body_of(**fault: Any) -> Answer:
        emulator.faults(fault)
        return emulator.ingest(record())

    assert set(body_of(status=500, body="request_error").json()) == {"requestError"}
    assert set(body_of(status=400, body="record_error").json()) == {"workspaceName", "recordErrors"}
    html = body_of(status=502, body="html")
    assert html.headers["content-type"].startswith("text/html")
    assert html.body.startswith(b"<html>")
    assert body_of(status=503, body="empty").body == b""
    garbage = body_of(status=200, body="garbage", write=True)
    assert garbage.status == 200
    with pytest.raises(UnicodeDecodeError):
        garbage.json()
    assert body_of(status=503, body="text:no writer available").body == b"no writer available"
    assert body_of(status=200).json()["workspaceName"] == "prod"
    assert emulator.counters()["records_written"] == 1


@pytest.mark.parametrize("fault", [{"body": "truncated"}, {"status": 500, "body": "truncated"}])
def test_a_truncated_body_ends_early(emulator: Emulator, fault: dict[str, Any]) -> None:
    emulator.faults(fault)
    with pytest.raises(http.client.IncompleteRead) as caught:
        emulator.ingest(record())
    assert len(caught.value.partial) > 20
    assert emulator.counters()["records_written"] == (0 if "status" in fault else 1)


@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
def test_a_cut_closes_the_connection_without_an_answer(emulator: Emulator, when: str, written: int) -> None:
    emulator.faults({"cut": when})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        emulator.ingest(record())
    counters = emulator.counters()
    assert counters["responses"] == {"cut": 1}
    assert (counters["requests"], counters["records_written"]) == (1, written)
    assert len(emulator.rows("latest")) == written
    assert emulator.requests()[-1]["status"] == 0


def test_a_success_can_be_hidden_behind_an_error(emulator: Emulator) -> None:
    emulator.faults({"status": 504, "write": True})
    assert emulator.ingest(record()).status == 504
    assert len(emulator.rows("latest")) == 1
    assert emulator.counters()["records_received"] == 1


def test_delayed_answers_wait_side_by_side(emulator: Emulator) -> None:
    emulator.faults({"delay_ms": 300, "times": 20})
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(emulator.ingest(record()).status)) for _ in range(20)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - began
    assert statuses == [200] * 20
    assert 0.3 <= took_s < 3.0  # one after the other would take 6 s
    began = time.monotonic()
    emulator.ingest(record())
    assert time.monotonic() - began < 0.3


def test_a_delay_goes_with_any_fault(emulator: Emulator) -> None:
    emulator.faults({"status": 503, "delay_ms": 100}, {"cut": "after", "delay_ms": 100})
    began = time.monotonic()
    assert emulator.ingest(record()).status == 503
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        emulator.ingest(record())
    assert time.monotonic() - began >= 0.2


def test_it_ends_at_once_with_answers_still_delayed(start: Starter) -> None:
    emulator = start(config())
    emulator.faults({"delay_ms": 60000, "times": -1})
    connection = emulator.connect()
    connection.request("POST", "/ingest", json.dumps(ingest_body(record())), {"Authorization": EDITOR})
    time.sleep(0.1)  # by now the request is held; if it is not yet, the end must come all the same
    began = time.monotonic()
    assert emulator.stop() == 0
    assert time.monotonic() - began < 5
    connection.close()


def test_a_wrong_fault_script_is_refused(emulator: Emulator) -> None:
    emulator.faults({"status": 503})
    answer = emulator.call("POST", "/__emulator/faults", {"faults": [{"status": 503}, {"satus": 1}]})
    assert answer.status == 400
    assert "fault 1" in answer.json()["error"]
    assert emulator.ingest(record()).status == 503


def test_reset_clears_store_counters_faults_and_log(emulator: Emulator) -> None:
    emulator.ingest(record())
    emulator.faults({"status": 503, "times": -1})
    emulator.reset()
    assert emulator.rows("latest") == []
    assert emulator.requests() == []
    assert emulator.counters()["requests"] == 0
    assert emulator.ingest(record()).status == 200


def test_partial_write_takes_the_good_records(start: Starter) -> None:
    emulator = start(config(partial_write=True))
    assert emulator.ingest(record(), record(user_id="u2", count="x"), record(user_id="u3")).status == 400
    assert {row["user_id"] for row in emulator.rows("latest")} == {"u1", "u3"}
    counters = emulator.counters()
    assert (counters["records_received"], counters["records_written"], counters["records_rejected"]) == (3, 2, 1)


def test_lenient_keys_emit_zeros_int64_and_max_body(start: Starter) -> None:
    emulator = start(config(lenient_keys=True, emit_zeros=True, int64="string", max_body_bytes=1000))
    dry = emulator.call("POST", "/ingest", camel(ingest_body(record(count="1"), dry=True)))
    assert dry.status == 200
    for view in dry.json()["ingestMetrics"]["featureViewIngestMetrics"]:
        assert (view["onlineRecordIngestCount"], view["offlineRecordIngestCount"]) == ("0", "0")
    assert emulator.ingest(record(count=1)).status == 400
    assert emulator.ingest(record(count="1", user_id="u" * 1000)).status == 413


def test_a_full_store_answers_507_until_reset(start: Starter) -> None:
    emulator = start(config(max_rows=4))
    assert [emulator.ingest(record(user_id=f"u{i}")).status for i in range(3)] == [200, 200, 507]
    emulator.reset()
    assert emulator.ingest(record(user_id="u2")).status == 200


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1: the paths of certificate and key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def test_tls_with_a_verified_certificate(start: Starter, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(cert))
    emulator = start(config(), "--tls-cert", str(cert), "--tls-key", str(key), context=context)
    connection = emulator.connect()
    for _ in range(2):
        assert emulator.ingest(record(), connection=connection).status == 200
    connection.close()
    assert emulator.read("u1")["count"] == "7"
    assert emulator.counters()["connections"] == 1
    emulator.faults({"cut": "after"}, {"body": "truncated"}, {"delay_ms": 100})
    with pytest.raises((http.client.RemoteDisconnected, OSError)):
        emulator.ingest(record())
    with pytest.raises((http.client.IncompleteRead, OSError)):
        emulator.ingest(record())
    assert emulator.ingest(record()).status == 200
    distrustful = http.client.HTTPSConnection("127.0.0.1", emulator.port, context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        distrustful.request("GET", "/")
    distrustful.close()
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as raw:
        raw.sendall(b"POST /ingest HTTP/1.1\r\n\r\n")
        assert b"HTTP/1.1 200" not in raw.recv(4096)
    assert emulator.ingest(record()).status == 200


def test_the_configs_of_demo_integration_and_streaming_tests_serve(tmp_path: Path) -> None:
    flight = {
        "year": 2013, "month": 1, "day": 1, "dep_time": 517, "sched_dep_time": 515, "dep_delay": 2, "arr_time": 830,
        "sched_arr_time": 819, "arr_delay": None, "carrier": "UA", "flight": 1545, "tailnum": "N14228",
        "origin": "EWR", "dest": "IAH", "air_time": 227, "distance": 1400, "hour": 5, "minute": 15,
        "time_hour": "2013-01-01T10:00:00Z",
    }  # fmt: skip
    emulator = Emulator(CONFIGS / "flights.json")
    answer = emulator.ingest(flight, source="flights", authorization="Tecton-key demo-editor-key")
    assert answer.status == 200, answer.body
    assert len(emulator.rows("flight_status")) == 1
    assert emulator.stop() == 0
    event = {"user_id": "u", "event_type": "t", "amount": 0.5, "count": 1, "ok": True, "tags": [], "event_time": ""}
    event["event_time"] = datetime.now(UTC).isoformat()
    emulator = Emulator(CONFIGS / "integration.json")
    for source in ("user_events", "ttl_events"):
        assert emulator.ingest(event, source=source).status == 200
    assert [len(emulator.rows(view)) for view in ("user_activity", "recent_activity")] == [1, 1]
    assert emulator.stop() == 0
    emulator = Emulator(CONFIGS / "streaming.json", "--journal", str(tmp_path / "journal"))
    tick = {"tick": 1, "tick_time": event["event_time"], "due_us": 2}
    for source, row in (("ticks", tick), ("flights", {**flight, "due_us": 3})):
        assert emulator.ingest(row, source=source, authorization="Tecton-key demo-editor-key").status == 200
    assert emulator.stop() == 0
    keys = [line.split("\t")[3] for line in (tmp_path / "journal").read_text().splitlines()]
    assert [one.split(",")[-2] for one in keys] == ['"2"', '"3"'], "the time at which a row is due ends its key"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_0(start: Starter, end: int) -> None:
    assert start(config()).stop(end) == 0


def test_it_ends_with_its_stdin_only_if_told(start: Starter) -> None:
    bound = start(config(), "--exit-with-stdin")
    free = start(config())
    for emulator in (bound, free):
        assert emulator.process.stdin is not None
        emulator.process.stdin.write("ignored\n")
        emulator.process.stdin.flush()
    assert bound.ingest(record()).status == 200
    for emulator in (bound, free):
        assert emulator.process.stdin is not None
        emulator.process.stdin.close()
    assert bound.process.wait(timeout=10) == 0
    assert free.ingest(record()).status == 200


def test_the_journal_outlives_sigkill(tmp_path: Path) -> None:
    path, journal = tmp_path / "config.json", tmp_path / "journal"
    path.write_text(json.dumps(config()))
    before = time.monotonic_ns() // 1000
    for user in ("u1", "u2"):
        emulator = Emulator(path, "--journal", str(journal))
        assert emulator.ingest(record(user_id=user, event_time="2026-01-01T00:00:00Z")).status == 200
        dry = ingest_body(record(user_id=user), dry=True)
        assert emulator.call("POST", "/ingest", dry).status == 200
        assert emulator.ingest({"user_id": user}).status == 400
        assert emulator.stop(signal.SIGKILL) == -signal.SIGKILL
    after = time.monotonic_ns() // 1000
    lines = [line.split("\t") for line in journal.read_text().splitlines()]
    times = [int(line[0]) for line in lines]
    assert before <= times[0] <= times[-1] <= after
    assert times == sorted(times)
    views = ("latest", "totals")
    assert [line[1:] for line in lines] == [
        [view, "1767225600.000000000", f'"{user}",'] for user in ("u1", "u2") for view in views
    ]


def test_it_listens_on_loopback_and_the_given_port(start: Starter) -> None:
    first = start(config(), "--threads", "1")
    taken = subprocess.run(
        [BINARY, "--config", str(CONFIGS / "flights.json"), "--port", str(first.port)], capture_output=True, text=True
    )
    assert taken.returncode == 1
    assert f"127.0.0.1:{first.port}" in taken.stderr
    port = first.port
    assert first.ingest(record()).status == 200
    first.stop()
    again = start(config(), "--port", str(port))
    assert again.port == port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=1).close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--config is missing"),
        (["--config"], "--config"),
        (["--config", "/nowhere.json"], "/nowhere.json"),
        (["--config", str(CONFIGS / "flights.json"), "--port", "65536"], "--port"),
        (["--config", str(CONFIGS / "flights.json"), "--threads", "0"], "--threads"),
        (["--config", str(CONFIGS / "flights.json"), "--tls-cert", "x"], "go together"),
        (["--config", str(CONFIGS / "flights.json"), "--tls-cert", "/none", "--tls-key", "/none"], "/none"),
        (["--config", str(CONFIGS / "flights.json"), "--journal", "/no/such/folder"], "/no/such/folder"),
        (["--config", str(CONFIGS / "flights.json"), "--speed", "9"], "--speed"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], words: str) -> None:
    ended = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=10)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert ended.stdout == ""


def test_many_clients_at_once_lose_nothing(emulator: Emulator) -> None:
    failures: list[Any] = []

    def send(client: int) -> None:
        connection = emulator.connect()
        for i in range(50):
            rows = [record(user_id=f"c{client}i{i}r{r}", event_time="2026-01-01T00:00Z") for r in range(10)]
            answer = emulator.ingest(*rows, connection=connection)
            if answer.status != 200:
                failures.append(answer.body)
        connection.close()

    threads = [threading.Thread(target=send, args=(client,)) for client in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    counters = emulator.counters()
    assert (counters["requests"], counters["records_written"], counters["connections"]) == (400, 4000, 8)
    assert counters["distinct_keys_by_view"]["latest"] == 4000
    assert counters["batch_sizes"] == {"10": 400}
