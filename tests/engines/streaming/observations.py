"""What the pipeline's own outputs say, as lines of a file: each row of `written`, and each window when it fires."""

import json
import os
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import apache_beam as beam


class Written(NamedTuple):
    """A row of the output `written`, with its window; times in seconds since 1970."""

    source: str
    records: int
    latency_ms: int
    first_event_time: float
    last_event_time: float
    timestamp: float
    window_start: float
    window_end: float


class Fired(NamedTuple):
    """A window whose count of written records came out of the runner: the watermark had passed its end."""

    source: str
    records: int
    window_start: float
    window_end: float
    at: float


class NoteWritten(beam.DoFn):
    def __init__(self, path: str, source: str) -> None:
        self._path, self._source = path, source

    def process(
        self, row: Any, timestamp: Any = beam.DoFn.TimestampParam, window: Any = beam.DoFn.WindowParam
    ) -> Iterator[int]:
        times = [seconds_of(moment) for moment in (row.first_event_time, row.last_event_time, timestamp)]
        bounds = [seconds_of(window.start), seconds_of(window.end)]
        append(self._path, "written", Written(self._source, row.records, row.latency_ms, *times, *bounds))
        yield row.records


class NoteFired(beam.DoFn):
    def __init__(self, path: str, source: str) -> None:
        self._path, self._source = path, source

    def process(self, records: int, window: Any = beam.DoFn.WindowParam) -> Iterator[None]:
        bounds = [seconds_of(window.start), seconds_of(window.end)]
        append(self._path, "fired", Fired(self._source, records, *bounds, time.time()))
        yield from ()


def seconds_of(moment: Any) -> float:
    return moment.micros / 1e6


def append(path: str, kind: str, observation: NamedTuple) -> None:
    """One line in one write, at the file's end: threads and processes do not mix theirs."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, (json.dumps({kind: observation._asdict()}) + "\n").encode())
    finally:
        os.close(file)


class Observations(NamedTuple):
    written: List[Written]
    fired: List[Fired]


def read_observations(path: Path) -> Observations:
    found = Observations([], [])
    for line in path.read_text().splitlines():
        entry: Dict[str, Any] = json.loads(line)
        if "written" in entry:
            found.written.append(Written(**entry["written"]))
        else:
            found.fired.append(Fired(**entry["fired"]))
    return found
