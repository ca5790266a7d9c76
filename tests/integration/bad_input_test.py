"""Options and rows that are refused before anything is sent."""

import json
import logging
import math
from typing import Any, List, NamedTuple

import apache_beam as beam
import pytest
from apache_beam.utils.timestamp import Timestamp
from pipelines import KEY_VARIABLE, UserEvent, events, failure, one_bundle, options_for, run
from refusal_test import says

from beam_tecton import LiteralApiKeyWarning, WriteToTectonStream, secrets


def refused(emulator, element_type: Any = UserEvent, **options: Any) -> str:
    """The message of a use that fails when it is applied, before a runner has anything to do with it."""
    rows = one_bundle(beam.Pipeline(), [], element_type)
    with pytest.raises(RuntimeError) as raised:
        rows | WriteToTectonStream(**options_for(emulator, **options))
    assert "hunter2" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, ["batch_size", "0", "from 1 to 10"]),
        ({"batch_size": 11}, ["batch_size", "11", "from 1 to 10"]),
        ({"timeout": 0.0}, ["timeout"]),
        ({"timeout": -1.0}, ["timeout"]),
        ({"timeout": math.nan}, ["timeout"]),
        ({"timeout": math.inf}, ["timeout"]),
        ({"max_retries": -1}, ["max_retries", "-1"]),
        ({"max_retry_seconds": 0}, ["max_retry_seconds"]),
        ({"linger_ms": -1}, ["linger_ms"]),
        ({"max_in_flight": 0}, ["max_in_flight"]),
        ({"workspace_name": ""}, ["workspace_name"]),
        ({"stream_source_name": ""}, ["stream_source_name"]),
        ({"tecton_instance": "https://acme.tecton.ai", "endpoint_url": None}, ["tecton_instance"]),
        ({"tecton_instance": "acme.tecton.ai/ingest", "endpoint_url": None}, ["tecton_instance"]),
        ({"tecton_instance": "", "endpoint_url": None}, ["tecton_instance"]),
        ({"endpoint_url": "http://example.com/ingest"}, ["endpoint_url", "allow_insecure"]),
        ({"endpoint_url": "ftp://127.0.0.1/ingest"}, ["endpoint_url"]),
        ({"int64_encoding": "text"}, ["int64_encoding", "auto", "number", "string"]),
        ({"non_finite": "drop"}, ["non_finite", "reject", "null", "string"]),
        ({"environment_type": "LOOPBACK"}, ["environment_type", "PROCESS", "EXTERNAL"]),
        ({"api_key": "env:"}, ["api_key", "env:NAME"]),
        ({"api_key": "file:relative"}, ["api_key", "file:/path"]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_option_out_of_range_is_named_with_what_is_accepted(emulator, options, words):
    says(refused(emulator, **options), *words)


@pytest.mark.filterwarnings("ignore::beam_tecton.LiteralApiKeyWarning")
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(emulator):
    says(refused(emulator, api_key="hunter2\r\nX: y"), "api_key")


class ByNumber(NamedTuple):
    user_id: str
    by_number: "dict[int, str]"


class BadName(NamedTuple):
    user_id: str
    a__b: str


class Nested(NamedTuple):
    user_id: str
    inner: List[BadName]


@pytest.mark.parametrize(
    ("element_type", "words"), [(ByNumber, ["by_number"]), (BadName, ["a__b"]), (Nested, ["inner", "a__b"])]
)
def test_a_field_that_cannot_be_written_is_named_by_its_path(emulator, element_type, words):
    says(refused(emulator, element_type), *words)


def test_a_pcollection_without_a_type_is_refused_with_the_line_that_fixes_it(emulator):
    rows = beam.Pipeline() | beam.Create([0]) | beam.Map(lambda _: json.loads("{}"))
    with pytest.raises(TypeError) as raised:
        rows | WriteToTectonStream(**options_for(emulator))
    says(str(raised.value), "has no schema", ".with_output_types(", "schema=")


def test_a_refused_use_says_nothing_but_the_reason(emulator):
    text = refused(emulator, batch_size=11)
    assert "\n" not in text.strip()
    assert "Traceback" not in text


def test_not_a_number_is_refused_with_the_cure(runner, emulator):
    text = failure(runner, emulator, [events(1)[0]._replace(amount=math.nan)])
    says(text, "amount", "NaN", "pandas", "None")
    assert emulator.counters()["records_written"] == 0


@pytest.mark.parametrize("amount", [math.inf, -math.inf])
def test_infinity_is_refused(runner, emulator, amount):
    says(failure(runner, emulator, [events(1)[0]._replace(amount=amount)]), "field amount", "infinite", "non_finite")


def test_an_integer_beyond_a_number_is_refused_when_numbers_are_asked_for(runner, emulator):
    rows = [events(1)[0]._replace(count=(1 << 53))]
    says(failure(runner, emulator, rows, int64_encoding="number"), "count", "int64_encoding")


def test_a_time_out_of_range_is_refused(runner, emulator):
    rows = [events(1)[0]._replace(event_time=Timestamp(253_402_300_800))]  # the year 10000
    says(failure(runner, emulator, rows), "event_time")
    assert emulator.counters()["requests"] == 0


def test_a_row_that_is_too_long_is_refused(runner, emulator):
    rows = [events(1)[0]._replace(event_type="x" * 300_000)]
    text = failure(runner, emulator, rows)
    says(text, "longer than 262144 bytes")
    assert "xxx" not in text


def test_a_row_that_does_not_fit_the_declared_schema(runner, emulator):
    rows = [{**event._asdict(), "count": "hunter2"} for event in events(1)]
    text = failure(runner, emulator, rows, Any, schema=UserEvent)
    says(text, "Field 'count' of a row does not fit schema=: str found, int expected")


def test_a_key_given_by_reference_is_in_no_log_and_no_proto(runner, emulator, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    pipeline = runner.pipeline()
    key = emulator.key_with_role("editor")
    one_bundle(pipeline, events(25), UserEvent) | WriteToTectonStream(**options_for(emulator))
    submitted = pipeline.to_runner_api().SerializeToString()
    assert run(pipeline)["records_written"] == 25
    assert f"env:{KEY_VARIABLE}".encode() in submitted
    assert key.encode() not in submitted
    written = capfd.readouterr()
    assert key not in caplog.text + written.out + written.err


def test_a_literal_key_is_in_no_log(runner, emulator, caplog, capfd, monkeypatch):
    monkeypatch.setattr(secrets, "_warned", False)
    caplog.set_level(logging.DEBUG)
    key = emulator.key_with_role("editor")
    with pytest.warns(LiteralApiKeyWarning) as warned:
        text = failure(runner, emulator, events(1), api_key=key, stream_source_name="nowhere")
    written = capfd.readouterr()
    assert key not in text + str(warned[0].message)
    assert key not in written.out + written.err
    assert not [record for record in caplog.records if key in record.getMessage() and "beam_tecton" in record.name]
