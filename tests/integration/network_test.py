"""Faults of the network and of the service: what is tried again, how long, and what is said when it is given up."""

import itertools
import time

import pytest
from pipelines import events, failure, write
from refusal_test import says


@pytest.mark.parametrize("when", ["before", "after"])
def test_network_interruption_recovers(runner, emulator, when):
    emulator.faults({"cut": when, "times": 2})
    metrics = write(runner, emulator, events(25))
    counters = emulator.counters()
    assert metrics["records_written"] == 25
    assert counters["responses"]["200"] == 3
    assert counters["distinct_keys"] == 25, "a record that is sent twice replaces itself"
    assert counters["requests"] == 5
    assert metrics["write_requests"] == 5
    assert metrics["write_errors"] == 2


def test_network_interruption_gives_up(runner, emulator):
    emulator.faults({"cut": "before", "times": -1})
    text = failure(runner, emulator, events(1), max_retries=2, max_retry_seconds=5)
    says(text, "3 times", "max_retries")
    assert emulator.counters()["requests"] == 3


def test_nobody_listens(runner, emulator):
    """What could not be sent does not use up retries; a wait that would pass max_retry_seconds is not begun."""
    started = time.monotonic()
    text = failure(
        runner, emulator, events(1), endpoint_url="http://127.0.0.1:9/ingest", max_retries=0, max_retry_seconds=2
    )
    says(text, "127.0.0.1:9", "max_retry_seconds=2")
    assert 0.5 < time.monotonic() - started < 30


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_a_status_that_passes_is_tried_again(runner, emulator, status):
    emulator.faults({"status": status, "times": 2})
    metrics = write(runner, emulator, events(10))
    counters = emulator.counters()
    assert counters["responses"] == {str(status): 2, "200": 1}
    assert (metrics["records_written"], metrics["write_requests"], metrics["write_errors"]) == (10, 3, 2)


def test_a_status_that_stays_gives_up(runner, emulator):
    emulator.faults({"status": 503, "body": "html", "times": -1})
    text = failure(runner, emulator, events(1), max_retries=2, max_retry_seconds=20)
    says(text, "503", "3 times", "max_retries")
    assert emulator.counters()["responses"] == {"503": 3}


def test_throttling_429_waits_as_long_as_it_is_told(runner, emulator):
    emulator.faults({"status": 429, "retry_after": "1", "times": 2})
    metrics = write(runner, emulator, events(10))
    at = [request["at_ms"] for request in emulator.requests()]
    assert len(at) == 3
    assert all(later - earlier >= 1000 for earlier, later in itertools.pairwise(at)), at
    assert metrics["records_written"] == 10
    assert metrics["write_errors"] == 2


def test_throttling_429_until_a_date(runner, emulator):
    emulator.faults({"status": 429, "retry_after": {"date_in_seconds": 3}, "times": 1})
    write(runner, emulator, events(1))
    first, second = (request["at_ms"] for request in emulator.requests())
    assert second - first >= 2000, "a date has whole seconds"


def test_throttling_429_does_not_use_up_retries(runner, emulator):
    emulator.faults({"status": 429, "times": 3})
    assert write(runner, emulator, events(1), max_retries=0)["records_written"] == 1
    assert emulator.counters()["responses"] == {"429": 3, "200": 1}


def test_throttling_429_backs_off_without_being_told(runner, emulator):
    """Waits are random up to a bound that doubles from 1 s; that all four are tiny is one chance in a million."""
    emulator.faults({"status": 429, "times": 4})
    write(runner, emulator, events(1))
    at = [request["at_ms"] for request in emulator.requests()]
    assert at[-1] - at[0] > 100, at


def test_throttling_429_gives_up_after_max_retry_seconds(runner, emulator):
    emulator.faults({"status": 429, "retry_after": "1", "times": -1})
    started = time.monotonic()
    text = failure(runner, emulator, events(1), max_retry_seconds=3)
    says(text, "429", "max_retry_seconds")
    assert time.monotonic() - started < 30


def test_timeout_recovers(runner, emulator):
    emulator.faults({"delay_ms": 2000, "times": 1})
    metrics = write(runner, emulator, events(1), timeout=0.5)
    assert metrics["records_written"] == 1
    assert metrics["write_errors"] == 1
    all_requests_end(emulator, 2)


def test_timeout_gives_up(runner, emulator):
    emulator.faults({"delay_ms": 2000, "times": -1})
    text = failure(runner, emulator, events(1), timeout=0.5, max_retries=1, max_retry_seconds=20)
    says(text, "no answer", "within the timeout", "2 times", "max_retries=1")
    all_requests_end(emulator, 2)


def all_requests_end(emulator, count):
    """Waits until the emulator is done with requests whose sender is gone, which would count in the next test."""
    deadline = time.monotonic() + 10
    while emulator.counters()["requests"] < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert emulator.counters()["requests"] == count


def test_an_answer_that_is_no_json_is_not_taken_for_success(runner, emulator):
    emulator.faults({"status": 200, "body": "garbage", "times": 1})
    metrics = write(runner, emulator, events(10))
    assert metrics["records_written"] == 10
    assert emulator.counters()["responses"] == {"200": 2}
