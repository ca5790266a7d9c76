"""schema=: what is accepted, what rows become, and what is said of rows that do not fit."""

import dataclasses
import datetime
import decimal
import pickle
import typing
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.coders import RowCoder
from apache_beam.typehints.schemas import typing_to_runner_api
from apache_beam.utils.timestamp import Timestamp

from beam_tecton.row_conversion import ConvertRow, RowConversionError, element_type, row_converter, row_schema

UTC = datetime.timezone.utc


class Place(NamedTuple):
    city: str
    lat: float


class Event(NamedTuple):
    user_id: str
    amount: Optional[float]
    at: datetime.datetime
    tags: List[str]
    place: Optional[Place]


@dataclasses.dataclass
class EventClass:
    user_id: str
    at: datetime.datetime


def convert(schema, element):
    return row_converter(row_schema(schema))(element)


def refusal(schema, element) -> str:
    with pytest.raises(RowConversionError) as raised:
        convert(schema, element)
    return str(raised.value)


EVENT = {
    "user_id": "u1",
    "amount": 2.5,
    "at": datetime.datetime(2024, 5, 1, 12, 0, 0, 250, tzinfo=UTC),
    "tags": ["a", "b"],
    "place": {"city": "Bern", "lat": 46.9},
}


@pytest.mark.parametrize(
    "element",
    [
        EVENT,
        beam.Row(**EVENT),
        Event(**{**EVENT, "place": Place("Bern", 46.9)}),
        {**EVENT, "place": beam.Row(city="Bern", lat=46.9)},
    ],
    ids=["dict", "beam.Row", "NamedTuple", "nested row"],
)
def test_dicts_rows_and_named_tuples_become_the_same_row(element):
    row = convert(Event, element)
    assert row.user_id == "u1"
    assert row.at == Timestamp.of(1714564800) + beam.utils.timestamp.Duration(micros=250)
    assert row.tags == ["a", "b"]
    assert (row.place.city, row.place.lat) == ("Bern", 46.9)


def test_a_dataclass_declares_and_is_converted():
    row = convert(EventClass, EventClass("u1", datetime.datetime(1970, 1, 1, 0, 0, 1)))
    assert (row.user_id, row.at) == ("u1", Timestamp(1))


def test_a_dict_of_names_and_types_declares():
    row = convert({"a": int, "b": Optional[str], "c": {"d": bool}}, {"a": 1, "b": None, "c": {"d": True}})
    assert (row.a, row.b, row.c.d) == (1, None, True)


def test_rows_encode_with_the_declared_beam_types():
    schema = row_schema(Event)
    coder = RowCoder(typing_to_runner_api(element_type(schema)).row_type.schema)
    decoded = coder.decode(coder.encode(row_converter(schema)(EVENT)))
    assert (decoded.user_id, decoded.amount, decoded.at) == ("u1", 2.5, Timestamp(micros=1714564800000250))
    assert (list(decoded.tags), decoded.place.city) == (["a", "b"], "Bern")
    types = {field.name: field.type for field in coder.schema.fields}
    assert types["at"].logical_type.urn == "beam:logical_type:micros_instant:v1"
    assert types["amount"].nullable
    assert not types["user_id"].nullable


def test_annotations_that_are_text_are_resolved():
    class Late(NamedTuple):
        user_id: "str"
        amount: "Optional[float]"

    row = convert(Late, {"user_id": "u", "amount": 1.0})
    assert (row.user_id, row.amount) == ("u", 1.0)


def test_the_step_pickles_without_the_users_class():
    step = pickle.loads(pickle.dumps(ConvertRow(row_schema(Event))))
    step.setup()
    (row,) = step.process(EVENT)
    assert row.user_id == "u1"


@pytest.mark.parametrize(
    ("when", "micros"),
    [
        (datetime.datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime.datetime(1970, 1, 1), 0),  # no zone: UTC
        (datetime.datetime(1970, 1, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))), 0),
        (datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), -1),
        (datetime.datetime(2038, 1, 19, 3, 14, 8, 1, tzinfo=UTC), (1 << 31) * 1_000_000 + 1),
        (datetime.datetime(1, 1, 1, tzinfo=UTC), -62135596800 * 1_000_000),
        (Timestamp(micros=5), 5),
    ],
)
def test_times_become_timestamps_to_the_microsecond(when, micros):
    assert convert({"t": datetime.datetime}, {"t": when}).t.micros == micros
    assert convert({"t": Timestamp}, {"t": when}).t.micros == micros


@pytest.mark.parametrize(
    ("declared", "value", "result"),
    [
        (int, np.int32(7), 7),
        (int, (1 << 63) - 1, (1 << 63) - 1),
        (np.int16, -32768, -32768),
        (float, 3, 3.0),
        (float, np.float32(0.5), 0.5),
        (np.float32, 0.5, 0.5),
        (bool, np.bool_(True), True),
        (bytes, bytearray(b"x"), b"x"),
        (decimal.Decimal, decimal.Decimal("1.50"), decimal.Decimal("1.50")),
        (List[int], (1, 2), [1, 2]),
        (Sequence[int], np.array([1, 2]), [1, 2]),
        (typing.Tuple[int, ...], [1], [1]),
        (list[Optional[str]], ["a", None], ["a", None]),
        (Dict[str, List[int]], {"k": [1]}, {"k": [1]}),
        (Mapping[str, float], {"k": 1}, {"k": 1.0}),
        (int | None, None, None),
    ],
)
def test_values_of_each_type_are_taken(declared, value, result):
    converted = convert({"x": declared}, {"x": value}).x
    assert converted == result
    assert type(converted) is type(result)


@pytest.mark.parametrize(
    ("declared", "value", "words"),
    [
        (int, "7", "Field 'x' of a row does not fit schema=: str found, int expected"),
        (int, 7.0, "float found, int expected"),
        (int, True, "bool found, int expected"),
        (int, 1 << 63, "does not fit 64 bits"),
        (np.int16, 32768, "does not fit 16 bits"),
        (float, "1.5", "str found, float expected"),
        (float, True, "bool found, float expected"),
        (float, (1 << 53) + 1, "beyond 2**53 and would lose digits"),
        (str, b"x", "bytes found, str expected. Decode it first."),
        (str, None, "it is None and str is expected. Declare it Optional[...]"),
        (Optional[int], float("nan"), "It is NaN, which pandas puts where a value is missing"),
        (Optional[str], float("nan"), "make it None and the field Optional"),
        (bool, 1, "int found, bool expected"),
        (bytes, "x", "str found, bytes expected"),
        (decimal.Decimal, 1.5, "float found, Decimal expected"),
        (Timestamp, 1714564800, "int found, datetime or Timestamp expected"),
        (Timestamp, "2024-05-01", "str found, datetime or Timestamp expected"),
        (List[int], "12", "str found, list expected"),
        (List[int], [1, "2"], "Field 'x[1]' of a row"),
        (Dict[str, int], {"secret": "2"}, "Field 'x[]' of a row"),
        (Dict[str, int], {5: 2}, "a key of the map is a int; keys must be str"),
        ({"y": List[Place]}, {"y": [{"city": "Bern", "lat": "north"}]}, "Field 'x.y[0].lat' of a row"),
        (Place, "Bern", "str found, a dict, beam.Row, NamedTuple or dataclass expected"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_path_and_type(declared, value, words):
    text = refusal({"x": declared}, {"x": value})
    assert words in text
    assert "secret" not in text
    assert "Bern" not in text


def test_a_missing_time_of_pandas_is_refused_with_the_cure():
    class NaTType(datetime.datetime):
        """As pandas': a datetime that differs from itself."""

        def __ne__(self, other):
            return True

    text = refusal({"t": Optional[datetime.datetime]}, {"t": NaTType(1970, 1, 1)})
    assert "Make it None and the field Optional." in text


def test_a_missing_field_is_an_error_unless_optional():
    assert convert({"a": int, "b": Optional[str]}, {"a": 1}).b is None
    assert "Field 'b' of a row does not fit schema=: the row lacks it" in refusal({"a": int, "b": str}, {"a": 1})


@pytest.mark.parametrize("element", [{"a": 1, "extra": 2}, {"extra": 2}, beam.Row(a=1, extra=2)])
def test_a_field_that_is_not_declared_is_not_lost_silently(element):
    assert "Field 'extra' of a row does not fit schema=" in refusal({"a": Optional[int]}, element)


@pytest.mark.parametrize("element", [None, 5, "text", b"bytes", ["list"], Event])
def test_an_element_that_is_no_row_is_refused(element):
    assert "An element cannot be written with this schema=" in refusal({"a": Optional[int]}, element)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "schema= has no fields"),
        ([("a", int)], "schema= must be a NamedTuple class, a dataclass or a dict"),
        (int, "schema= must be"),
        ({"a": typing.Any}, "schema=, field 'a' has the type typing.Any"),
        ({"a": object}, "field 'a' has the type object"),
        ({"a": list}, "Say what is in it: list[str], for example."),
        ({"a": List[datetime.date]}, "field 'a'[] has the type datetime.date"),
        ({"a": typing.Union[int, str]}, "field 'a' has the type typing.Union[int, str]"),
        ({"a": Dict[int, str]}, "keys that are not str"),
        ({"a": {"b": complex}}, "schema=, field 'a', field 'b' has the type complex"),
        ({"": int}, "a field whose name is not a non-empty string"),
    ],
)
def test_a_declaration_that_cannot_be_written_is_refused(schema, words):
    with pytest.raises(TypeError) as raised:
        row_schema(schema)
    assert words in str(raised.value)


def test_a_class_that_contains_itself_is_refused():
    class Node(NamedTuple):
        children: "List[Node]"

    Node.__annotations__["children"] = List[Node]
    with pytest.raises(TypeError, match="nested more than 32 deep"):
        row_schema(Node)
