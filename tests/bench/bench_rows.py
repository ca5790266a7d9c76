"""The rows that benchmarks send: six fields, about 60 bytes with the window, the same bytes for every harness."""

from typing import Any, Callable, List, NamedTuple

import apache_beam as beam
from apache_beam.coders import RowCoder
from apache_beam.portability.api import schema_pb2
from apache_beam.typehints import schemas
from bench_runner import chunks, varint

HEADER = bytes.fromhex("7fdf3b645a1cac09000000010f")  # earliest time, one global window, a pane that says nothing


class Row(NamedTuple):
    user_id: str
    amount: float
    count: int
    active: bool
    name: str
    ts: int


beam.coders.registry.register_coder(Row, RowCoder)


class TimedRow(NamedTuple):
    """The same with a time that the emulator takes, which reads as strictly as Tecton may."""

    user_id: str
    amount: float
    count: int
    active: bool
    name: str
    ts: str


beam.coders.registry.register_coder(TimedRow, RowCoder)


def row_schema(row_type: Any = Row) -> schema_pb2.Schema:
    return schemas.typing_to_runner_api(row_type).row_type.schema


def row(i: int) -> Row:
    return Row(
        f"user-{i % 100000:05d}", i * 0.5, i * 3, i % 2 == 0, f"name-{i % 10000000:07d}", 1_700_000_000_000_000 + i
    )


def timed_row(i: int) -> TimedRow:
    return TimedRow(*row(i)[:-1], f"2026-03-01T{i // 3600 % 24:02d}:{i // 60 % 60:02d}:{i % 60:02d}.000250Z")


def encoded_rows(count: int) -> List[bytes]:
    coder = RowCoder(row_schema())
    return [coder.encode(row(i)) for i in range(count)]


def element(encoded: bytes) -> bytes:
    """A row as it stands on the data stream: in the global window, with its length."""
    return HEADER + varint(len(encoded)) + encoded


def payload(rows: int, make: Callable[[int], Any] = row) -> List[bytes]:
    """`rows` elements in messages of about a megabyte."""
    coder: Any = RowCoder(row_schema(type(make(0))))
    return chunks(lambda i: element(coder.encode(make(i))), rows)
