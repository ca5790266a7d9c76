"""How late this machine is by itself: a plain client that does what the sink's slowest row needs, and nothing else.

It sleeps for as long as a batch waits for more rows, then sends one small request to the emulator on a kept connection,
over and over. What that takes beyond the sleep and the service's own time is the machine's: other work on its cores
delays a client in C no less. Runs as a process of its own, so that nothing in the measuring process delays it; writes a
line for each exchange, `AT,EXCESS` in microseconds.
"""

import argparse
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import List, NamedTuple
from urllib.parse import urlsplit

LINGER_SECONDS = 0.010  # the sink's default of linger_ms
PAUSE_SECONDS = 0.040


class Exchange(NamedTuple):
    """When one exchange ended, and by how much it was late."""

    at_us: int
    excess_us: int


class MachineProbe:
    """The process, as a context.

    Args:
      url: the emulator's.
      authorization: header of the requests, which are dry runs.
      service_ms: how long the emulator takes for each.
      log: file for its lines.
    """

    def __init__(self, url: str, authorization: str, service_ms: int, log: Path) -> None:
        self._command = [sys.executable, __file__, f"--url={url}", f"--service_ms={service_ms}", f"--log={log}"]
        self._authorization = authorization
        self._log = log
        log.unlink(missing_ok=True)

    def __enter__(self) -> "MachineProbe":
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        self._process.stdin.write(self._authorization + "\n")  # not an argument: those are seen by all
        self._process.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def exchanges(self) -> List[Exchange]:
        lines = self._log.read_text().splitlines() if self._log.is_file() else []
        return [Exchange(*map(int, line.split(","))) for line in lines if line.count(",") == 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--service_ms", type=float, required=True)
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args()
    headers = {"Authorization": sys.stdin.readline().strip(), "Content-Type": "application/json"}
    row = {"tick": 0, "tick_time": "2026-01-01T00:00:00Z", "due_us": 0}
    body = json.dumps({"workspace_name": "prod", "dry_run": True, "records": {"ticks": [{"record": row}]}})
    connection = http.client.HTTPConnection(urlsplit(given.url).netloc)
    with given.log.open("w", buffering=1) as log:
        while True:
            time.sleep(PAUSE_SECONDS)
            start = time.monotonic()
            time.sleep(LINGER_SECONDS)
            connection.request("POST", "/ingest", body, headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise RuntimeError(f"the emulator answered {answer.status}: {answer.read()!r}")
            answer.read()
            end = time.monotonic()
            excess = end - start - LINGER_SECONDS - given.service_ms / 1000
            log.write(f"{round(end * 1e6)},{round(excess * 1e6)}\n")


if __name__ == "__main__":
    main()
