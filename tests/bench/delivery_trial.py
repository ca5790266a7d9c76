"""One worker with the sink against one emulator: started, fed, asked what it saw, and ended."""

from __future__ import annotations

import contextlib
import json
import ssl
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from bench_report import FOLDER, ROOT
from bench_rows import TimedRow, payload, row_schema, timed_row
from bench_runner import BenchRunner
from canned_server import Certificate
from sink_step import start_sink

sys.path.insert(0, str(ROOT / "tests" / "emulator"))
from emulator_process import Emulator

KEY = "a-key-of-the-usual-length-of-32-ch"
CLUSTER: Dict[str, Any] = {
    "api_keys": {KEY: {"roles": {"prod": "editor"}}},
    "workspaces": {"prod": {"live": True}},
    "stream_sources": {
        "events": {
            "workspace": "prod",
            "timestamp": "ts",
            "schema": {
                "user_id": "String",
                "amount": "Float64",
                "count": "Int64",
                "active": "Bool",
                "name": "String",
                "ts": "Timestamp",
            },
        }
    },
    "feature_views": {"user_activity": {"workspace": "prod", "source": "events", "join_keys": ["user_id"]}},
}
STEP_S = 0.1  # of the emulator's history


def sink_options(url: str, ca_file: object, **more: object) -> Dict[str, object]:
    """The sink's options for a server of ours, as a caller gives them."""
    return {
        "endpoint_url": url,
        "api_key": KEY,
        "workspace_name": "prod",
        "stream_source_name": "events",
        "ca_file": str(ca_file),
        "proxy": "none",
        **more,
    }


@contextlib.contextmanager
def running_emulator(certificate: Optional[Certificate] = None) -> Iterator[Emulator]:
    """An emulator of CLUSTER; it ends with us, however we end. With `certificate` it speaks TLS."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    config = FOLDER / "emulator.json"
    config.write_text(json.dumps(CLUSTER))
    arguments = ["--exit-with-stdin"]
    context = None
    if certificate is not None:
        arguments += ["--tls-cert", str(certificate.file), "--tls-key", str(certificate.key)]
        context = ssl.create_default_context(cafile=str(certificate.file))
    emulator = Emulator(config, *arguments, context=context)
    try:
        yield emulator
    finally:
        emulator.stop()


class Trial(NamedTuple):
    emulator: Emulator
    runner: BenchRunner

    def feed_for(self, seconds: float, bundle: List[bytes], at_once: int = 2, tolerant: bool = False) -> List[str]:
        """Feeds bundles for so long, waits for the last ones, and returns what failed, if that is tolerated.

        At the end the emulator answers all at once, so that a slow sink need not be waited for.
        """
        end = time.monotonic() + seconds
        ending = threading.Timer(seconds, self.emulator.traffic)
        ending.start()
        try:
            return self.runner.drive(bundle, at_once, lambda: time.monotonic() < end, tolerant).failures
        finally:
            ending.cancel()
            ending.join()

    def history_between(self, start: float, end: float) -> List[Dict[str, Any]]:
        """What the emulator saw in the whole steps between two times of time.monotonic()."""
        steps = self.emulator.history(18000)
        return [step for step in steps if start * 1e3 <= step["at_ms"] and step["at_ms"] <= (end - STEP_S) * 1e3]


@contextlib.contextmanager
def trial(certificate: Optional[Certificate] = None, **options: object) -> Iterator[Trial]:
    """A fresh worker against a fresh emulator."""
    with running_emulator(certificate) as emulator:
        ca_file = certificate.file if certificate else ROOT / "unused"
        all_options = sink_options(emulator.url + "/ingest", ca_file, **options)
        if certificate is None:
            del all_options["ca_file"]
        with start_sink(all_options, row_schema(TimedRow)) as runner:
            yield Trial(emulator, runner)


def timed_bundle(rows: int) -> List[bytes]:
    return payload(rows, timed_row)


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return True
        time.sleep(0.05)
    return False
