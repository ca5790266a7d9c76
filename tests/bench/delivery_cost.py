"""What sending costs: CPU of our parts, and of others that send the same to the same server in the same run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Sequence

from bench_report import FOLDER, ROOT, Figure
from bench_rows import encoded_rows, payload, row, row_schema
from bench_runner import BenchRunner
from canned_server import CannedServer, Certificate
from delivery_trial import KEY, sink_options
from process_cost import median, median_ratio
from python_requests_sink import RequestsSink
from sdk_harnesses import Harness, go_harness, python_harness
from sink_step import start_sink

NATIVE = ROOT / "bazel-bin" / "tests" / "bench"
GO_HTTP_SINK = ROOT / "build" / "bin" / "gohttpsink"
CONNECTIONS = 32
BODY_BYTES = 1566  # of ten records of the size that peers were measured with
IN_FLIGHT = 50
BUNDLE_ROWS = 100_000

WRK_SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Authorization"] = "Tecton-key {key}"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["User-Agent"] = "beam-tecton"
file:close()
"""


def run_native(command: Sequence[str]) -> List[float]:
    """The numbers of the one line that a program of this folder prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name}: {done.stderr.strip()[-500:]}")
    return [float(word) for word in done.stdout.split()]


def write_body() -> Path:
    """A request of ten records, one column filled up so that all of it has BODY_BYTES."""
    records = [{"record": row(i)._asdict()} for i in range(10)]
    body = {"workspace_name": "prod", "dry_run": False, "records": {"events": records}}
    missing = BODY_BYTES - len(json.dumps(body, separators=(",", ":")))
    for i, record in enumerate(records):
        record["record"]["name"] += "x" * (missing // 10 + (i < missing % 10))
    path = FOLDER / "body.json"
    path.write_text(json.dumps(body, separators=(",", ":")))
    assert path.stat().st_size == BODY_BYTES
    return path


# --- 1: the HTTP engine alone ---


def wrk_us(url: str, body: Path, seconds: float) -> float:
    """CPU microseconds a request of wrk, one thread."""
    script = FOLDER / "post.lua"
    script.write_text(WRK_SCRIPT.format(body=body, key=KEY))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(script), url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    found = re.search(r"(\d+) requests in", text)
    if process.returncode != 0 or found is None or "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"wrk: {text[-500:]}")
    return (usage.ru_utime + usage.ru_stime) * 1e6 / int(found.group(1))


def engine_us(url: str, body: Path, requests: int, ca_file: Path) -> float:
    program = NATIVE / "http_engine_bench"
    return run_native([str(program), url, str(body), str(CONNECTIONS), str(requests), str(ca_file)])[0]


def http_engine(server: CannedServer, certificate: Certificate, quick: bool) -> Iterator[Figure]:
    body = write_body()
    requests, seconds, rounds = (20_000, 1.0, 3) if quick else (50_000, 1.0, 11)
    for name, url, bar in (("clear", server.url, 1.8), ("TLS", server.tls_url, 2.0)):
        ours: List[float] = []
        wrk: List[float] = []
        for _ in range(rounds):
            wrk.append(wrk_us(url, body, seconds))
            ours.append(engine_us(url, body, requests, certificate.bundle))
        against = {"wrk": median(wrk), "our best round": min(ours)}
        yield Figure(f"HTTP engine alone, {name}", median(ours), "us a request", against=against)
        yield Figure(f"HTTP engine alone, {name}, over wrk's", median_ratio(ours, wrk), "x", bar)


# --- 2: JSON ---


def json_record(quick: bool) -> Iterator[Figure]:
    schema, rows = FOLDER / "row.schema", FOLDER / "rows"
    schema.write_bytes(row_schema().SerializeToString())
    rows.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in encoded_rows(1000)))
    cost, _ = run_native([str(NATIVE / "record_encode_bench"), str(schema), str(rows), "5" if quick else "21"])
    yield Figure("JSON of a row", cost, "ns a record", 100.0)


# --- 3 and 4: rows in, requests out, beside Beam's Go and Python harnesses ---


class Contestant(NamedTuple):
    name: str
    runner: BenchRunner
    payload: List[bytes]
    rows: int  # of a bundle

    def us_a_row(self, bundles: int) -> float:
        before = self.runner.cpu_us()
        self.runner.run(self.payload, bundles)
        return (self.runner.cpu_us() - before) / (bundles * self.rows)


def start_peer(harness: Harness) -> BenchRunner:
    return BenchRunner(harness.descriptor(), harness.command, harness.environment)


def rows_to_requests(server: CannedServer, certificate: Certificate, quick: bool) -> Iterator[Figure]:
    bundles, rounds = (1, 3) if quick else (2, 9)
    python_rows = 200
    big, small = payload(BUNDLE_ROWS), payload(python_rows)
    bars = {"clear": 2.6, "TLS": 3.6}
    for name, url in (("clear", server.url), ("TLS", server.tls_url)):
        settings = {"SINK_URL": url, "SINK_CA_FILE": str(certificate.bundle)}
        with contextlib.ExitStack() as stack:
            options = sink_options(url, certificate.bundle, max_in_flight=IN_FLIGHT)
            all_of_them = [Contestant("C", stack.enter_context(start_sink(options, row_schema())), big, BUNDLE_ROWS)]
            if GO_HTTP_SINK.exists():
                go = stack.enter_context(start_peer(go_harness(GO_HTTP_SINK, "main.Sink", 1.0, settings)))
                all_of_them.append(Contestant("Go", go, big, BUNDLE_ROWS))
            python = stack.enter_context(start_peer(python_harness(RequestsSink(), 1.0, settings)))
            all_of_them.append(Contestant("Python", python, small, python_rows))
            costs: Dict[str, List[float]] = {one.name: [] for one in all_of_them}
            for one in all_of_them:  # connections, caches, code
                one.us_a_row(1)
            for _ in range(rounds):
                for one in all_of_them:
                    costs[one.name].append(one.us_a_row(1 if one.name == "Python" else bundles))
            started = time.monotonic()
            all_of_them[0].us_a_row(bundles)
            rate = bundles * BUNDLE_ROWS / (time.monotonic() - started)
        ours = costs.pop("C")
        against = {peer: median(values) for peer, values in costs.items()} | {"our best round": min(ours)}
        yield Figure(f"rows to requests, {name}", median(ours), "us a row", bars[name], against=against)
        yield Figure(f"rows to requests, {name}, throughput", rate, "rows a second")
        over_go = median_ratio(costs["Go"], ours) if "Go" in costs else None
        why = f"there is no {GO_HTTP_SINK.name}: no Go that is new enough"
        yield Figure(f"Go with 50 in flight over ours, {name}", over_go, "x", 1.7, at_least=True, why=why)
        bar = 500.0 if name == "TLS" else None
        over = median_ratio(costs["Python"], ours)
        yield Figure(f"Python, a session a flush, over ours, {name}", over, "x", bar, at_least=True)
