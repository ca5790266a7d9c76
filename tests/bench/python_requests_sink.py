"""An HTTP sink as it is often written in Python: a DoFn with `requests` and a new session for each flush of ten rows.

It runs in Beam's own Python harness. SINK_URL and SINK_CA_FILE in its environment say where it sends to.
"""

import os
from typing import Any, Dict, List

import apache_beam as beam
import requests
from bench_rows import Row

ROWS_PER_REQUEST = 10
TIMEOUT_S = 30.0


class RequestsSink(beam.DoFn):
    def start_bundle(self) -> None:
        self.records: List[Dict[str, Any]] = []

    def process(self, row: Row) -> None:
        self.records.append({"record": row._asdict()})
        if len(self.records) >= ROWS_PER_REQUEST:
            self.flush()

    def finish_bundle(self) -> None:
        if self.records:
            self.flush()

    def flush(self) -> None:
        with requests.Session() as session:
            session.headers.update({"Authorization": "Tecton-key a-key-of-the-usual-length-of-32-ch"})
            answer = session.post(
                os.environ["SINK_URL"],
                json={"workspace_name": "prod", "dry_run": False, "records": {"events": self.records}},
                timeout=TIMEOUT_S,
                verify=os.environ["SINK_CA_FILE"],
            )
        answer.raise_for_status()
        self.records = []
