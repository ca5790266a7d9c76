"""Random rows, encoded by the installed apache_beam's RowCoder, against the native row coder and its records.

Each row is decoded and encoded to the same bytes, and its record is what row_json.py says. ROW_SCHEMAS is the number of
random schemas of the main test (24 rows each), ROW_SEED the seed that a failure printed.
"""

from __future__ import annotations

import decimal
import os
import random
import re
from types import SimpleNamespace
from typing import Any, Iterator, List, Optional, Tuple

import hypothesis
import pytest
import row_json
from apache_beam.coders.row_coder import RowCoder
from apache_beam.portability.api import schema_pb2
from apache_beam.typehints import schemas as beam_schemas
from hypothesis import strategies as st
from row_program import NULL, NUMBER, REPRESENTATION, STRING, TEXT, RowProgram
from row_schemas import RowMaker, atomic, logical, row_of, schemas

NUM_SCHEMAS = int(os.environ.get("ROW_SCHEMAS", "900"))
ROWS_A_SCHEMA = 24
MIN_PAIRS = 20_000
SEED = int(os.environ.get("ROW_SEED", random.SystemRandom().getrandbits(32)))

Schema, Field, FieldType = schema_pb2.Schema, schema_pb2.Field, schema_pb2.FieldType


def _settings(share: float = 1.0) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=max(1, int(NUM_SCHEMAS * share)),
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@pytest.fixture(scope="module")
def program() -> Iterator[RowProgram]:
    # Python's coder rounds decimals to the context's digits.
    decimal.getcontext().prec = 400
    with RowProgram() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def _seed_is_shown() -> None:
    print(f"ROW_SEED={SEED} ROW_SCHEMAS={NUM_SCHEMAS}")


def _reference(schema: schema_pb2.Schema, row: Any) -> Tuple[Optional[str], Optional[str]]:
    """The record, or the path of the value that has no form in it."""
    try:
        return row_json.record(schema, row), None
    except row_json.Refused as refused:
        return None, str(refused)


def _check_row(program: RowProgram, schema: schema_pb2.Schema, row: Any, encoded: bytes, slice_length: int) -> None:
    native = program.row(encoded, slice_length=slice_length)
    assert native.error is None
    assert native.again == encoded
    record, bad_path = _reference(schema, row)
    assert native.record == record
    if bad_path is not None:
        assert native.refusal is not None
        assert native.refusal.startswith(f"field {bad_path}: "), native.refusal


def test_random_rows_have_the_same_bytes_and_the_right_record(program: RowProgram, capsys: pytest.CaptureFixture[str]):
    pairs = 0

    @hypothesis.seed(SEED)
    @_settings()
    @hypothesis.given(schemas(), st.integers(0, 2**64 - 1))
    def check(schema: schema_pb2.Schema, seed: int) -> None:
        nonlocal pairs
        coder = RowCoder(schema)
        rng = random.Random(seed)
        assert program.set_schema(schema.SerializeToString()) is None
        for i in range(ROWS_A_SCHEMA):
            row = RowMaker(rng, bad_values=0.05 if i % 8 == 7 else 0.0).row(schema)
            _check_row(program, schema, row, coder.encode(row), rng.choice([0, 0, 1, 7, 64]))
            pairs += 1

    check()
    with capsys.disabled():
        print(f"\n{pairs} pairs of schema and row, ROW_SEED={SEED}")
    if NUM_SCHEMAS * ROWS_A_SCHEMA >= MIN_PAIRS:
        assert pairs >= MIN_PAIRS


@hypothesis.seed(SEED)
@_settings(0.1)
@hypothesis.given(data=st.data())
def test_maps_with_other_keys_are_decoded_and_refused_as_records(program: RowProgram, data: st.DataObject):
    schema = data.draw(schemas(only_string_keys=False))
    coder = RowCoder(schema)
    rng = random.Random(data.draw(st.integers(0, 2**64 - 1)))
    refusal = program.set_schema(schema.SerializeToString())
    has_map = bool(re.search(r"\bmap_type\b", str(schema)))
    assert (refusal is not None) == has_map
    if refusal is not None:
        assert re.match(r"field f[\w.]+: Tecton's maps have String keys only", refusal)
    for _ in range(ROWS_A_SCHEMA):
        encoded = coder.encode(RowMaker(rng).row(schema))
        assert program.row(encoded).again == encoded


@hypothesis.seed(SEED)
@_settings(0.1)
@hypothesis.given(data=st.data())
def test_fields_that_an_older_writer_did_not_have_are_null(program: RowProgram, data: st.DataObject):
    older = data.draw(schemas(permuted=False))
    added = data.draw(schemas(permuted=False, max_fields=4))
    newer = Schema(id=str(data.draw(st.uuids())))
    newer.fields.extend(older.fields)
    for field in added.fields:
        extra = newer.fields.add(name=f"added_{field.name}", type=field.type)
        extra.type.nullable = True
    write, read = RowCoder(older), RowCoder(newer)
    rng = random.Random(data.draw(st.integers(0, 2**64 - 1)))
    for _ in range(ROWS_A_SCHEMA):
        row = RowMaker(rng).row(older)
        wider = SimpleNamespace(**vars(row), **{f"added_{field.name}": None for field in added.fields})
        assert program.set_schema(newer.SerializeToString()) is None
        native = program.row(write.encode(row))
        assert native.error is None
        assert native.record == row_json.record(newer, wider)
        assert native.again == read.encode(wider)
        # And the other way round: what a newer writer added is passed over.
        program.set_schema(older.SerializeToString())
        full = RowMaker(rng).row(newer)
        native = program.row(read.encode(full))
        assert native.error is None
        assert native.record == row_json.record(older, full)


def _trimmed(encoded: bytes) -> bytes:
    """The row with the zero bytes at the end of its null bitmap cut off. Its header has lengths of one byte each."""
    count, length = encoded[0], encoded[1]
    bitmap = encoded[2 : 2 + length].rstrip(b"\0")
    return bytes([count, len(bitmap)]) + bitmap + encoded[2 + length :]


@hypothesis.seed(SEED)
@_settings(0.1)
@hypothesis.given(data=st.data())
def test_a_null_bitmap_may_end_at_its_last_null(program: RowProgram, data: st.DataObject):
    leaves = st.sampled_from([schema_pb2.STRING, schema_pb2.INT64, schema_pb2.BOOLEAN])
    kinds = data.draw(st.lists(leaves, min_size=9, max_size=40))
    schema = Schema(id=str(data.draw(st.uuids())))
    schema.fields.extend(Field(name=f"f{i}", type=atomic(kind)) for i, kind in enumerate(kinds))
    for field in schema.fields:
        field.type.nullable = True
    coder = RowCoder(schema)
    rng = random.Random(data.draw(st.integers(0, 2**64 - 1)))
    program.set_schema(schema.SerializeToString())
    for _ in range(ROWS_A_SCHEMA):
        row = RowMaker(rng).row(schema)
        for field in schema.fields[rng.randrange(len(kinds)) :]:
            setattr(row, field.name, "x" if field.type.atomic_type == schema_pb2.STRING else 1)
        padded = coder.encode(row)
        for encoded in (padded, _trimmed(padded)):
            native = program.row(encoded)
            assert native.again == padded
            assert native.record == row_json.record(schema, row)
        assert program.row(padded, padded=False).again == _trimmed(padded)


@hypothesis.seed(SEED)
@_settings(0.1)
@hypothesis.given(data=st.data())
def test_rows_cut_short_or_changed_are_an_error_or_another_row(program: RowProgram, data: st.DataObject):
    schema = data.draw(schemas(max_fields=6))
    coder = RowCoder(schema)
    rng = random.Random(data.draw(st.integers(0, 2**64 - 1)))
    program.set_schema(schema.SerializeToString())
    encoded = coder.encode(RowMaker(rng).row(schema))
    for length in range(min(len(encoded), 300)):
        native = program.row(encoded[:length])
        assert native.error is not None
        assert int(re.search(r"byte (\d+)", native.error)[1]) <= length
    for _ in range(50):
        changed = bytearray(encoded)
        for _ in range(rng.choice([1, 1, 2, 5])):
            changed[rng.randrange(len(changed))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        native = program.row(bytes(changed), slice_length=rng.choice([0, 1, 5]))
        if native.error is None:  # what was read is written in its one form, which reads the same
            again = program.row(native.again)
            assert again == native


def test_iterables_of_unknown_length_have_the_same_record(program: RowProgram):
    of = FieldType(iterable_type=schema_pb2.IterableType(element_type=atomic(schema_pb2.STRING)))
    schema = Schema(id="iterables", fields=[Field(name="f0", type=of)])
    coder = RowCoder(schema)
    program.set_schema(schema.SerializeToString())
    for count in (0, 1, 5, 1000):
        items = [str(i) for i in range(count)]
        listed = coder.encode(SimpleNamespace(f0=items))
        streamed = coder.encode(SimpleNamespace(f0=(item for item in items)))
        assert streamed[2:6] == b"\xff\xff\xff\xff"
        for slice_length in (0, 1, 13):
            native = program.row(streamed, slice_length=slice_length)
            assert native.again == listed
            assert native.record == row_json.record(schema, SimpleNamespace(f0=items))


# Beam's coder takes time that doubles with every row inside a row, and protobuf parses 100 messages inside one another
# at most: schemas this deep are written by hand, around a leaf that Beam's coder encodes.
def _field(number_: int, content: bytes) -> bytes:
    head = bytes([number_ << 3 | 2])
    length = len(content)
    while length >= 0x80:
        head += bytes([length & 0x7F | 0x80])
        length >>= 7
    return head + bytes([length]) + content


def _nested(depth: int, rows: bool) -> Tuple[bytes, bytes, str]:
    """A schema of one field with `depth` types around an INT32, a row of it, its record."""
    leaf = Schema(id="leaf", fields=[Field(name="f0", type=atomic(schema_pb2.INT32))])
    type_ = atomic(schema_pb2.INT32).SerializeToString()
    encoded = RowCoder(leaf).encode(SimpleNamespace(f0=-5))[2:]
    shown = "-5"
    for _ in range(depth):
        if rows:
            type_ = _field(6, _field(1, _field(1, _field(1, b"f0") + _field(3, type_))))
            encoded, shown = b"\x01\x00" + encoded, f'{{"f0":{shown}}}'
        else:
            type_ = _field(3, _field(1, type_))
            encoded, shown = b"\x00\x00\x00\x01" + encoded, f"[{shown}]"
    return _field(1, _field(1, b"f0") + _field(3, type_)), b"\x01\x00" + encoded, f'{{"f0":{shown}}}'


@pytest.mark.parametrize("rows", [True, False], ids=["rows", "lists"])
def test_types_nest_a_hundred_deep_and_no_deeper(program: RowProgram, rows: bool):
    deepest = 100
    for depth in (1, 2, 40, deepest):
        schema, encoded, record = _nested(depth, rows)
        assert program.set_schema(schema) is None
        native = program.row(encoded, slice_length=3)
        assert native.again == encoded
        assert native.record == record
    with pytest.raises(ValueError, match="nested deeper than 100"):
        program.set_schema(_nested(deepest + 1, rows)[0])


@beam_schemas.LogicalType.register_logical_type
class _Point(beam_schemas.PassThroughLogicalType[str, None]):
    """A type that its author registered with Beam, and we have never heard of."""

    @classmethod
    def urn(cls) -> str:
        return "org.example:point:v1"

    @classmethod
    def language_type(cls) -> type:
        return str

    @classmethod
    def argument_type(cls) -> None:
        return None

    def argument(self) -> None:
        return None


def test_an_unknown_logical_type_is_refused_or_taken_by_its_representation(program: RowProgram):
    point = logical("org.example:point:v1", atomic(schema_pb2.STRING))
    inner = row_of(Field(name="at", type=point))
    schema = Schema(id="points", fields=[Field(name="place", type=inner)])
    encoded = RowCoder(schema).encode(SimpleNamespace(place=SimpleNamespace(at="1,2")))
    refusal = program.set_schema(schema.SerializeToString())
    assert refusal is not None
    assert refusal.startswith("field place.at: ")
    assert "org.example:point:v1" in refusal
    assert program.row(encoded).again == encoded
    assert program.set_schema(schema.SerializeToString(), unknown=REPRESENTATION) is None
    assert program.row(encoded).record == '{"place":{"at":"1,2"}}'


def test_options_change_what_is_written(program: RowProgram):
    kinds = [schema_pb2.INT64, schema_pb2.DOUBLE]
    schema = Schema(id="options", fields=[Field(name=f"f{i}", type=atomic(kind)) for i, kind in enumerate(kinds)])
    coder = RowCoder(schema)

    def written(options: List[int], *values: Any) -> Any:
        program.set_schema(schema.SerializeToString(), *options)
        native = program.row(coder.encode(SimpleNamespace(f0=values[0], f1=values[1])))
        return native.record or native.refusal

    assert written([STRING, NULL], 1, float("nan")) == '{"f0":"1","f1":null}'
    assert written([NUMBER, TEXT], 2**53 - 1, float("-inf")) == '{"f0":9007199254740991,"f1":"-Infinity"}'
    assert written([NUMBER, TEXT], 2**53, 0.0).startswith("field f0: the integer is beyond 2^53-1")
