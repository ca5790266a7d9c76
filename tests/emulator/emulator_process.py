"""Starts beam-tecton-emulator and speaks HTTP to it. Standard library only.

The binary's path comes from BEAM_TECTON_EMULATOR, by default bazel-bin/tests/emulator/beam-tecton-emulator.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BEAM_TECTON_EMULATOR", str(ROOT / "bazel-bin/tests/emulator/beam-tecton-emulator"))
START_TIMEOUT_S = 10.0
EDITOR = "Tecton-key editor-key"


def ingest_body(
    *records: dict[str, Any], source: str = "events", workspace: str = "prod", dry: bool = False
) -> dict[str, Any]:
    """The body of a POST to /ingest."""
    return {
        "workspace_name": workspace,
        "dry_run": dry,
        "records": {source: [{"record": one} for one in records]},
    }


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, response: http.client.HTTPResponse, body: bytes) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)


class Emulator:
    """One running emulator. `stop` must be called; it returns the exit code."""

    def __init__(self, config_path: Path, *arguments: str, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.process = subprocess.Popen(
            [BINARY, "--config", str(config_path), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        killer = threading.Timer(START_TIMEOUT_S, self.process.kill)
        killer.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        killer.cancel()
        scheme = "https" if context else "http"
        assert line.startswith(f"listening on {scheme}://127.0.0.1:"), f"got {line!r}"
        self.url = line.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def connect(self) -> http.client.HTTPConnection:
        if self.context:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | str | dict[str, Any] | None = None,
        authorization: str | None = EDITOR,
        headers: dict[str, str] | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """Sends one request, over a fresh connection unless one is given. A dict is sent as JSON."""
        all_headers = dict(headers or {})
        if authorization is not None:
            all_headers["authorization"] = authorization
        if isinstance(body, dict):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        used = connection or self.connect()
        try:
            used.request(method, path, body=body, headers=all_headers)
            response = used.getresponse()
            return Answer(response, response.read())
        finally:
            if connection is None:
                used.close()

    def ingest(self, *records: dict[str, Any], source: str = "events", **more: Any) -> Answer:
        return self.call("POST", "/ingest", ingest_body(*records, source=source), **more)

    def counters(self) -> dict[str, Any]:
        return dict(self.call("GET", "/__emulator/counters", authorization=None).json())

    def requests(self, last: int = 100) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/__emulator/requests?last={last}", authorization=None).json())

    def history(self, last: int = 600) -> list[dict[str, Any]]:
        """Tenths of a second, oldest first."""
        return list(self.call("GET", f"/__emulator/history?last={last}", authorization=None).json())

    def rows(self, view: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/__emulator/rows?view={view}", authorization=None).json())

    def faults(self, *faults: dict[str, Any]) -> None:
        answer = self.call("POST", "/__emulator/faults", {"faults": list(faults)}, authorization=None)
        assert answer.status == 200, answer.body

    def traffic(self, **model: Any) -> None:
        """Sets latency and capacity; what is not given is at once and without limit."""
        answer = self.call("POST", "/__emulator/traffic", model, authorization=None)
        assert answer.status == 200, answer.body

    def reset(self) -> None:
        assert self.call("POST", "/__emulator/reset", authorization=None).status == 200

    def read(self, user_id: str, view: str = "latest") -> dict[str, Any]:
        """The stored row, by column."""
        params = {"workspace_name": "prod", "feature_view_name": view, "join_key_map": {"user_id": user_id}}
        answer = self.call("POST", "/api/v1/feature-service/get-features", {"params": params})
        assert answer.status == 200, answer.body
        got = answer.json()
        names = [feature["name"] for feature in got["metadata"]["features"]]
        assert all(name.startswith(view + ".") for name in names)
        return dict(zip([name.split(".", 1)[1] for name in names], got["result"]["features"], strict=True))

    def stop(self, end: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(end)
        code = self.process.wait(timeout=10)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        return code
