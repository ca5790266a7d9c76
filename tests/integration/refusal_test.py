"""Settings and rows that the service refuses: each fails the pipeline with a message that says what to change."""

from typing import List, NamedTuple, Optional

import pytest
from apache_beam.utils.timestamp import Timestamp
from pipelines import BAD_KEY_VARIABLE, READ_ONLY_KEY_VARIABLE, UserEvent, events, failure, write


def says(text: str, *words: str) -> None:
    """Each of the words is in the text."""
    missing = [word for word in words if word not in text]
    assert not missing, f"{missing} not in:\n{text}"


def test_source_not_found_404(runner, emulator):
    text = failure(runner, emulator, events(1), stream_source_name="user_evnets")
    says(text, "404", "stream source not found", 'stream_source_name "user_evnets"')
    assert emulator.counters()["responses"] == {"404": 1}, "it is not sent again"


def test_workspace_not_found_404(runner, emulator):
    text = failure(runner, emulator, events(1), workspace_name="prodd")
    says(text, "404", "workspace not found", 'workspace_name "prodd"')
    assert emulator.counters()["responses"] == {"404": 1}


def test_bad_key_401(runner, emulator):
    text = failure(runner, emulator, events(1), api_key=f"env:{BAD_KEY_VARIABLE}")
    says(text, "401", "Setting at fault: api_key")
    assert "a-key-nobody-knows" not in text
    assert emulator.counters()["records_written"] == 0


def test_read_only_key_403(runner, emulator):
    text = failure(runner, emulator, events(1), api_key=f"env:{READ_ONLY_KEY_VARIABLE}")
    says(text, "403", 'may not write to workspace_name "prod"', "Editor")
    assert emulator.counters()["responses"] == {"403": 1}


class WrongType(NamedTuple):
    user_id: str
    event_type: str
    amount: str
    count: int
    ok: bool
    tags: List[str]
    event_time: Timestamp


def test_schema_mismatch_400(runner, emulator):
    rows = [WrongType("u", "click", "12.50", 1, True, [], Timestamp(0))]
    text = failure(runner, emulator, rows, WrongType)
    says(text, "400", "column `amount`: expected Float64, got", 'stream source "user_events"')
    assert emulator.counters()["responses"] == {"400": 1}


class MissingColumn(NamedTuple):
    user_id: str
    event_time: Timestamp


def test_missing_columns_400(runner, emulator):
    text = failure(runner, emulator, [MissingColumn("u", Timestamp(0))], MissingColumn)
    says(text, "400", "column `event_type`: missing")


def test_malformed_record_400(runner, emulator):
    old = events(1)[0]._replace(event_time=Timestamp(1_000_000_000))
    text = failure(runner, emulator, [old], stream_source_name="ttl_events")
    says(text, "400", "older than the serving TTL of 86400 seconds", "ttl_events")
    assert emulator.counters()["records_written"] == 0


def test_one_malformed_record_fails_the_bundle(runner, emulator):
    fresh = [event._replace(event_time=Timestamp.now()) for event in events(9)]
    old = events(1, start=9)[0]._replace(event_time=Timestamp(1_000_000_000))
    text = failure(runner, emulator, [*fresh, old], stream_source_name="ttl_events")
    says(text, "400", "older than the serving TTL", "no record of this request counts as written")
    assert emulator.counters()["records_written"] == 0


def test_no_content_of_rows_is_in_the_message(runner, emulator):
    row = UserEvent("a-private-user", "a-private-type", 1.0, 1, True, ["a-private-tag"], Timestamp(0))
    text = failure(runner, emulator, [row], stream_source_name="nowhere")
    assert "a-private" not in text


class Keyless(NamedTuple):
    user_id: Optional[str]
    event_type: Optional[str]
    amount: Optional[float]
    count: int
    ok: bool
    tags: List[str]
    event_time: Timestamp


def test_a_null_join_key_400(runner, emulator):
    row = Keyless(**{**events(1)[0]._asdict(), "user_id": None})
    text = failure(runner, emulator, [row], Keyless)
    says(text, "400", "user_id", "null")


@pytest.mark.parametrize("name", ["BEAM_TECTON_TEST_UNSET", "BEAM_TECTON_TEST_EMPTY"])
def test_a_key_variable_that_is_not_there(runner, emulator, name, monkeypatch):
    if name.endswith("EMPTY"):
        monkeypatch.setenv(name, "")
    text = failure(runner, emulator, events(1), api_key=f"env:{name}")
    says(text, f"env:{name}")
    assert emulator.counters()["requests"] == 0


def test_a_key_file_is_read(runner, emulator, tmp_path):
    path = tmp_path / "key"
    path.write_text(emulator.key_with_role("editor") + "\n")
    assert write(runner, emulator, events(1), api_key=f"file:{path}")["records_written"] == 1


def test_a_key_file_that_is_not_there(runner, emulator, tmp_path):
    text = failure(runner, emulator, events(1), api_key=f"file:{tmp_path}/gone")
    says(text, f"file:{tmp_path}/gone", "No such file")
