"""The flights example: what the table holds, and that the demo notices counts that do not add up."""

import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights"
sys.path[:0] = [str(EXAMPLE), str(EXAMPLE.parents[1] / "tests" / "integration")]

import demo  # noqa: E402
import flights  # noqa: E402


@pytest.fixture(scope="module")
def table():
    return list(flights.read_flights(flights.flights_file()))


def test_the_table_is_read_whole_and_typed(table):
    assert len(table) == demo.NUM_FLIGHTS
    assert len({(row.carrier, row.flight, row.origin) for row in table}) == demo.NUM_KEYS
    assert len({(row.carrier, row.flight, row.origin, row.time_hour) for row in table}) == demo.NUM_FLIGHTS
    first = table[0]
    assert (first.carrier, first.flight, first.tailnum, first.dep_delay) == ("UA", 1545, "N14228", 2)
    assert first.time_hour.to_rfc3339() == "2013-01-01T10:00:00Z"


@pytest.mark.parametrize(
    ("column", "missing"),
    [
        ("tailnum", 2_512),
        ("dep_time", 8_255),
        ("dep_delay", 8_255),
        ("arr_time", 8_713),
        ("arr_delay", 9_430),
        ("air_time", 9_430),
        ("time_hour", 0),
        ("carrier", 0),
    ],
)
def test_what_is_missing_is_none(table, column, missing):
    at = flights.Flight._fields.index(column)
    assert sum(row[at] is None for row in table) == missing


GOOD = demo.Run(
    runner="SwitchingDirectRunner",
    metrics={"rows_read": demo.NUM_FLIGHTS, "records_written": demo.NUM_FLIGHTS, "write_requests": 33_678},
    emulator={
        "requests": 33_678,
        "records_received": demo.NUM_FLIGHTS,
        "records_rejected": 0,
        "records_written": demo.NUM_FLIGHTS,
        "distinct_keys": demo.NUM_KEYS,
    },
    seconds=8.0,
    peak_rss_kib=45_000,
    requests_after_seconds=6.0,
)


def test_counts_that_agree_are_no_problem():
    assert demo.disagreements(GOOD) == []


@pytest.mark.parametrize(
    ("part", "name", "words"),
    [
        ("metrics", "rows_read", "rows read: 0 instead of 336776"),
        ("metrics", "records_written", "records_written: 0 instead of 336776"),
        ("metrics", "write_requests", "write_requests against the requests the emulator saw: 0 instead of 33678"),
        ("emulator", "requests", "write_requests against the requests the emulator saw: 33678 instead of 0"),
        ("emulator", "records_received", "records the emulator received: 0"),
        ("emulator", "records_written", "records the emulator stored: 0"),
        ("emulator", "distinct_keys", "distinct keys: 0 instead of 6872"),
    ],
)
def test_each_count_that_does_not_agree_is_named(part, name, words):
    wrong = GOOD._replace(**{part: {**getattr(GOOD, part), name: 0}})
    (problem,) = demo.disagreements(wrong)
    assert words in problem


def test_errors_and_rejected_records_are_named():
    wrong = GOOD._replace(
        metrics={**GOOD.metrics, "write_errors": 3}, emulator={**GOOD.emulator, "records_rejected": 5}, peak_rss_kib=0
    )
    assert demo.disagreements(wrong) == [
        "write_errors: 3 instead of 0",
        "records the emulator rejected: 5 instead of 0",
        "no worker process was seen, so its memory is not known",
    ]


def test_a_key_in_a_file_is_found(tmp_path):
    clean, leaky = tmp_path / "clean.log", tmp_path / "leaky.log"
    clean.write_text("nothing here")
    leaky.write_text("Authorization: Tecton-key demo-editor-key")
    assert demo.key_leaks("demo-editor-key", [clean, leaky]) == [f"the API key is in {leaky}"]
