"""Refused rows with an output of their own: what is in it, what is stored, and how the counts add up."""

import json
import urllib.request
from typing import Any, Dict, Iterator, List

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms import window
from apache_beam.transforms.error_handling import ErrorHandler
from apache_beam.transforms.util import WaitOn
from apache_beam.utils.timestamp import Timestamp
from pipelines import Runner, UserEvent, events, failure, one_bundle, options_for, run
from tecton_emulator import Emulator

from beam_tecton import WriteToTectonStream

TTL_SOURCE = "ttl_events"  # refuses rows that are older than a day


def fresh(count: int) -> List[UserEvent]:
    return [event._replace(event_time=Timestamp.now()) for event in events(count)]


def old(user_id: str) -> UserEvent:
    return events(1)[0]._replace(user_id=user_id, event_time=Timestamp(1_000_000_000))


def with_errors(pipeline: beam.Pipeline, emulator: Any, rows: List[UserEvent], **options: Any) -> Dict[str, Any]:
    made = one_bundle(pipeline, rows, UserEvent)
    options = {"stream_source_name": TTL_SOURCE, "error_handling": {"output": "errors"}, **options}
    return made | "Write" >> WriteToTectonStream(**options_for(emulator, **options))


@pytest.fixture
def partial_writer(emulator, tmp_path) -> Iterator[Emulator]:
    """An emulator that writes the good records of a request with bad ones, and answers 400 all the same."""
    config = {**emulator.config, "strictness": {"partial_write": True}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with Emulator(tmp_path / "config.json", tmp_path / "emulator.log") as writer:
        yield writer


def test_one_bad_row_is_a_dead_letter_and_the_others_are_stored(runner, emulator):
    check_one_bad_row(runner, emulator)


def test_the_same_where_a_refused_request_writes_its_good_rows(direct, partial_writer):
    check_one_bad_row(direct, partial_writer)


def check_one_bad_row(runner: Runner, emulator: Emulator) -> None:
    pipeline = runner.pipeline()
    rows = [*fresh(9), old("bad-one"), *[event._replace(user_id=f"more-{n}") for n, event in enumerate(fresh(15))]]
    result = with_errors(pipeline, emulator, rows)
    assert result.failed_rows is result["errors"]
    assert_that(
        result.failed_rows | beam.Map(lambda row: (row.failed_row.user_id, row.status, row.error_class)),
        equal_to([("bad-one", 400, "record_rejected")]),
        "one",
    )
    assert_that(
        result.failed_rows
        | beam.Map(lambda row: ("older than the serving TTL" in row.error_message, row.possibly_stored)),
        equal_to([(True, False)]),
        "why",
    )
    assert_that(result.written | beam.Map(lambda row: row.records) | beam.CombineGlobally(sum), equal_to([24]), "sum")
    metrics = run(pipeline)
    assert (metrics["records_written"], metrics["records_failed"], metrics["records_rejected"]) == (24, 1, 1)
    counters = emulator.counters()
    assert counters["distinct_keys"] == 24
    assert metrics["write_requests"] == counters["requests"] <= 3 + 8


def test_rows_that_cannot_be_sent_are_dead_letters_too(runner, emulator):
    pipeline = runner.pipeline()
    rows = [*fresh(3), fresh(1)[0]._replace(amount=float("nan"))]
    result = with_errors(pipeline, emulator, rows)
    assert_that(
        result.failed_rows | beam.Map(lambda row: (row.error_class, row.attempts, "amount" in row.error_message)),
        equal_to([("not_sendable", 0, True)]),
    )
    assert run(pipeline)["records_written"] == 3


def test_a_wrong_setting_is_no_dead_letter(runner, emulator):
    text = failure(
        runner,
        emulator,
        events(3),
        workspace_name="prodd",
        error_handling={"output": "errors"},
        on_exhausted="dead_letter",
    )
    assert "workspace not found" in text


def test_an_exhausted_row_is_a_dead_letter_when_asked_for(runner, emulator):
    emulator.faults({"status": 503, "times": -1})
    pipeline = runner.pipeline()
    result = with_errors(pipeline, emulator, fresh(3), on_exhausted="dead_letter", max_retries=1)
    assert_that(
        result.failed_rows | beam.Map(lambda row: (row.status, row.attempts, row.possibly_stored)),
        equal_to([(503, 2, True)] * 3),
    )
    metrics = run(pipeline)
    assert (metrics["records_failed"], metrics["records_possibly_stored"]) == (3, 3)


def test_dead_letters_keep_window_and_time(direct, emulator):
    pipeline = direct.pipeline()
    rows = (
        pipeline
        | beam.Create([old("early"), old("late")])
        | beam.Map(lambda row: window.TimestampedValue(row, 5 if row.user_id == "early" else 95)).with_output_types(
            UserEvent
        )
        | "Windows" >> beam.WindowInto(window.FixedWindows(60))
    )
    result = rows | WriteToTectonStream(
        **options_for(emulator, stream_source_name=TTL_SOURCE, error_handling={"output": "errors"})
    )
    stamped = result.failed_rows | beam.Map(
        lambda row, at=beam.DoFn.TimestampParam, w=beam.DoFn.WindowParam: (
            row.failed_row.user_id,
            at.seconds(),
            w.start.seconds(),
        )
    )
    assert_that(stamped | beam.WindowInto(window.GlobalWindows()), equal_to([("early", 5, 0), ("late", 95, 60)]))
    run(pipeline)


def test_too_large_a_share_fails_the_pipeline(direct, emulator):
    rows = [*fresh(90), *[old(f"old-{n}") for n in range(30)]]
    text = failure(
        direct,
        emulator,
        rows,
        stream_source_name=TTL_SOURCE,
        error_handling={"output": "errors", "threshold": 0.05},
    )
    assert "error_handling.threshold" in text


def test_an_error_handler_takes_the_refused_rows(direct, emulator):
    class Collect(beam.PTransform):
        def expand(self, failed):
            assert_that(failed | beam.Map(lambda row: row.failed_row.user_id), equal_to(["bad"]), "handled")
            return failed

    pipeline = direct.pipeline()
    with ErrorHandler(Collect()) as handler:
        rows = one_bundle(pipeline, [*fresh(2), old("bad")], UserEvent)
        write = WriteToTectonStream(**options_for(emulator, stream_source_name=TTL_SOURCE)).with_error_handler(handler)
        result = rows | write
    assert set(result) == {"written"}
    assert run(pipeline)["records_written"] == 2


def test_exception_handling_names_its_output(direct, emulator):
    pipeline = direct.pipeline()
    rows = one_bundle(pipeline, [*fresh(2), old("bad")], UserEvent)
    write = WriteToTectonStream(**options_for(emulator, stream_source_name=TTL_SOURCE))
    result = rows | write.with_exception_handling(threshold=0.9)
    assert_that(result["bad"] | beam.Map(lambda row: row.failed_row.user_id), equal_to(["bad"]))
    run(pipeline)


def num_stored(_: Any, url: str) -> int:
    with urllib.request.urlopen(f"{url}/__emulator/counters") as answer:
        return json.load(answer)["records_written"]


def test_what_follows_can_wait_for_the_write(direct, emulator):
    """Two windows in one request: each window's row of `written` lets what waits for that window go on."""
    pipeline = direct.pipeline()
    rows = (
        one_bundle(pipeline, fresh(4), UserEvent)
        | beam.Map(lambda row: window.TimestampedValue(row, 30 * (1 + int(row.user_id[-1])))).with_output_types(
            UserEvent
        )
        | "Windows" >> beam.WindowInto(window.FixedWindows(75))
    )
    result = rows | WriteToTectonStream(**options_for(emulator, stream_source_name=TTL_SOURCE))
    assert_that(
        result.written
        | beam.Map(
            lambda row, w=beam.DoFn.WindowParam: (
                w.start.seconds(),
                row.records,
                row.first_event_time.seconds(),
                row.last_event_time.seconds(),
            )
        )
        | beam.WindowInto(window.GlobalWindows()),
        equal_to([(0, 2, 30, 60), (75, 2, 90, 120)]),
        "rows",
    )
    waited = rows | "After" >> WaitOn(result.written) | beam.Map(num_stored, emulator.url)
    assert_that(waited | "Global" >> beam.WindowInto(window.GlobalWindows()), equal_to([4] * 4), "after")
    run(pipeline)
    assert emulator.counters()["requests"] == 1
