"""Rows that are written: what arrives, in which requests, and what the runner counts."""

import dataclasses
import datetime
import math
from typing import Any, List, NamedTuple, Optional

import apache_beam as beam
import pytest
from apache_beam.metrics.metric import Lineage
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms import window
from apache_beam.utils.timestamp import Timestamp
from pipelines import SOURCE, VIEW, UserEvent, events, one_bundle, options_for, run, write

from beam_tecton import WriteToTectonStream


def test_success_200(runner, emulator):
    metrics = write(runner, emulator, events(25))
    assert metrics["records_written"] == 25
    assert metrics["write_requests"] == 3
    assert metrics.get("write_errors", 0) == 0
    counters = emulator.counters()
    assert counters["responses"] == {"200": 3}
    assert (counters["records_received"], counters["records_written"], counters["records_rejected"]) == (25, 25, 0)
    assert counters["distinct_keys"] == 25


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(1, {"1": 1}), (9, {"9": 1}), (10, {"10": 1}), (11, {"10": 1, "1": 1}), (25, {"10": 2, "5": 1})],
)
def test_batching(runner, emulator, rows, sizes):
    metrics = write(runner, emulator, events(rows))
    counters = emulator.counters()
    assert counters["batch_sizes"] == sizes
    assert counters["requests"] == sum(sizes.values())
    assert metrics["write_requests"] == sum(sizes.values())
    assert metrics["records_written"] == rows


def test_batch_size_is_obeyed(runner, emulator):
    write(runner, emulator, events(10), batch_size=4)
    assert emulator.counters()["batch_sizes"] == {"4": 2, "2": 1}


def test_no_rows_make_no_request(runner, emulator):
    write(runner, emulator, [])
    assert emulator.counters()["requests"] == 0


def test_values_arrive_as_they_were(runner, emulator):
    row = UserEvent('né ☃ 𝄞 " \\ \n \x00', None, None, (1 << 63) - 1, True, [], Timestamp(micros=1_700_000_000_123_456))
    write(runner, emulator, [row])
    features = emulator.features(VIEW, {"user_id": row.user_id})
    assert features == {
        "user_id": row.user_id,
        "event_type": None,
        "amount": None,
        "count": "9223372036854775807",
        "ok": True,
        "tags": [],
        "event_time": "2023-11-14T22:13:20.123456Z",
    }


@pytest.mark.parametrize("count", [0, -1, (1 << 53) - 1, 1 << 53, -(1 << 63)])
def test_integers_arrive_exactly(runner, emulator, count):
    write(runner, emulator, [events(1)[0]._replace(count=count)])
    assert emulator.features(VIEW, {"user_id": "user-0"})["count"] == str(count)


@pytest.mark.parametrize("amount", [0.1, -0.0, 5e-324, 1.7976931348623157e308])
def test_doubles_arrive_exactly(runner, emulator, amount):
    write(runner, emulator, [events(1)[0]._replace(amount=amount)])
    found = emulator.features(VIEW, {"user_id": "user-0"})["amount"]
    assert found == amount
    assert math.copysign(1, found) == math.copysign(1, amount)


def test_not_a_number_becomes_null_when_asked(runner, emulator):
    write(runner, emulator, [events(1)[0]._replace(amount=math.nan)], non_finite="null")
    assert emulator.features(VIEW, {"user_id": "user-0"})["amount"] is None


def test_dry_run_stores_nothing(runner, emulator):
    metrics = write(runner, emulator, events(5), dry_run=True)
    counters = emulator.counters()
    assert (counters["requests"], counters["records_received"], counters["records_written"]) == (1, 5, 0)
    assert metrics.get("records_written", 0) == 0


def test_rows_of_inferred_types(runner, emulator):
    pipeline = runner.pipeline()
    rows = pipeline | beam.Create([0]) | beam.FlatMap(lambda _: range(3)).with_output_types(int)
    (
        rows
        | beam.Map(
            lambda n: beam.Row(
                user_id=f"user-{n}",
                event_type="click",
                amount=n + 0.5,
                count=n,
                ok=n > 1,
                tags=["a"],
                event_time=Timestamp(1_700_000_000),
            )
        ).with_output_types(UserEvent)
        | WriteToTectonStream(**options_for(emulator))
    )
    assert run(pipeline)["records_written"] == 3


@dataclasses.dataclass
class EventClass:
    user_id: str
    event_type: Optional[str]
    amount: Optional[float]
    count: int
    ok: bool
    tags: List[str]
    event_time: Timestamp


def test_dataclasses(runner, emulator):
    rows = [EventClass(**event._asdict()) for event in events(3)]
    assert write(runner, emulator, rows, EventClass)["records_written"] == 3
    assert emulator.features(VIEW, {"user_id": "user-2"})["amount"] == 2.5


class DatedEvent(NamedTuple):
    user_id: str
    event_type: Optional[str]
    amount: Optional[float]
    count: int
    ok: bool
    tags: List[str]
    event_time: datetime.datetime


@pytest.mark.parametrize("schema", [DatedEvent, dict(DatedEvent.__annotations__)], ids=["NamedTuple", "dict"])
def test_dicts_with_datetimes_by_schema(runner, emulator, schema):
    rows = [
        {**event._asdict(), "event_time": datetime.datetime(2024, 5, 1, 12, 0, 0, event.count)} for event in events(11)
    ]
    assert write(runner, emulator, rows, Any, schema=schema)["records_written"] == 11
    assert emulator.features(VIEW, {"user_id": "user-7"})["event_time"] == "2024-05-01T12:00:00.000007Z"


def test_two_uses_in_one_pipeline(runner, emulator):
    pipeline = runner.pipeline()
    first = one_bundle(pipeline, events(5), UserEvent, "First")
    second = one_bundle(pipeline, events(7, start=100), UserEvent, "Second")
    first | "Write first" >> WriteToTectonStream(**options_for(emulator))
    second | "Write second" >> WriteToTectonStream(**options_for(emulator, batch_size=2))
    assert run(pipeline)["records_written"] == 12
    assert emulator.counters()["distinct_keys"] == 12


def test_later_steps_can_wait_for_the_write(runner, emulator):
    pipeline = runner.pipeline()
    result = one_bundle(pipeline, events(25), UserEvent) | WriteToTectonStream(**options_for(emulator))
    assert result.failed_rows is None
    requests = result.written | beam.combiners.Count.Globally()
    assert_that(requests, equal_to([3]))
    assert run(pipeline)["records_written"] == 25


def test_windows_do_not_matter(runner, emulator):
    pipeline = runner.pipeline()
    rows = (
        one_bundle(pipeline, events(25), UserEvent)
        | beam.Map(lambda event: window.TimestampedValue(event, event.event_time)).with_output_types(UserEvent)
        | beam.WindowInto(window.FixedWindows(5))
    )
    result = rows | WriteToTectonStream(**options_for(emulator))
    result.written | beam.Map(lambda row: row)
    assert run(pipeline)["records_written"] == 25
    assert emulator.counters()["distinct_keys"] == 25


def test_many_rows(runner, emulator):
    metrics = write(runner, emulator, events(20_000))
    counters = emulator.counters()
    assert metrics["records_written"] == counters["records_written"] == counters["distinct_keys"] == 20_000
    assert metrics["write_requests"] == counters["requests"] == 2_000


def test_the_worker_as_a_process_of_the_runner(runner, emulator):
    if runner.name == "direct":
        pytest.skip("Beam's own runner has no process environment")
    from beam_tecton import native_binary

    metrics = write(
        runner, emulator, events(25), environment_type="PROCESS", environment_config=native_binary.find_binary()
    )
    assert metrics["records_written"] == 25
    assert emulator.requests()[0]["source"] == SOURCE


def test_the_program_elsewhere_on_the_runner_s_machine(runner, emulator, tmp_path):
    """Beside the pool, or in place of it: runners choose."""
    from beam_tecton import native_binary

    elsewhere = tmp_path / "the-program"
    elsewhere.symlink_to(native_binary.find_binary())
    metrics = write(runner, emulator, events(25), worker_command=str(elsewhere))
    assert metrics["records_written"] == 25
    if runner.name == "prism":
        metrics = write(runner, emulator, events(25), environment_type="PROCESS", worker_command=str(elsewhere))
        assert metrics["records_written"] == 25


def test_a_program_that_prism_would_not_find_is_refused(runner, emulator):
    from beam_tecton import BinaryNotFoundError

    if runner.name == "direct":
        pytest.skip("Beam's own runner has no process environment")
    pipeline = runner.pipeline()
    rows = one_bundle(pipeline, events(1), UserEvent)
    options = options_for(emulator, environment_type="PROCESS", worker_command="/opt/nowhere/beam-tecton")
    with pytest.raises(
        BinaryNotFoundError, match="no program /opt/nowhere/beam-tecton on this machine.*worker_command"
    ):
        rows | WriteToTectonStream(**options)


def test_the_sink_is_in_the_lineage(direct, emulator):
    pipeline = direct.pipeline()
    one_bundle(pipeline, events(3), UserEvent) | WriteToTectonStream(**options_for(emulator))
    result = pipeline.run()
    result.wait_until_finish()
    host = emulator.endpoint.split("/")[2]
    assert Lineage.query(result.metrics(), Lineage.SINK) == {f"tecton:`{host}`.prod.{SOURCE}"}
