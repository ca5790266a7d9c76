"""Random row types, as Hypothesis strategies over Beam's Schema message, and random rows of them.

Rows are what Beam's RowCoder takes: an object with an attribute for each field. They are made by a seeded
random.Random, not drawn by Hypothesis, because one schema is worth many rows and drawing each would take minutes.
"""

from __future__ import annotations

import datetime
import decimal
import math
import random
import struct
import uuid
from types import SimpleNamespace
from typing import Any, Callable, List, Optional

from apache_beam.portability.api import schema_pb2
from apache_beam.utils.timestamp import Timestamp
from hypothesis import strategies as st

FieldType, LogicalType, Schema = schema_pb2.FieldType, schema_pb2.LogicalType, schema_pb2.Schema

MICROS = "beam:logical_type:micros_instant:v1"
MILLIS = "beam:logical_type:millis_instant:v1"
TIMESTAMP = "beam:logical_type:timestamp:v1"
DECIMAL = "beam:logical_type:decimal:v1"
FIXED_DECIMAL = "beam:logical_type:fixed_decimal:v1"
DATE = "beam:logical_type:date:v1"
FIXED_BYTES, VAR_BYTES = "beam:logical_type:fixed_bytes:v1", "beam:logical_type:var_bytes:v1"
FIXED_CHAR, VAR_CHAR = "beam:logical_type:fixed_char:v1", "beam:logical_type:var_char:v1"

MAX_DEPTH = 3  # of rows and collections inside one another; Beam's coder takes time that doubles with every row
_FIRST_MICROS, _LAST_MICROS = -62135596800 * 10**6, 253402300800 * 10**6 - 1  # the years 0001 to 9999
_SHORT_PRECISION = 5  # below it, a timestamp's subseconds are an INT16


def atomic(kind: int) -> schema_pb2.FieldType:
    return FieldType(atomic_type=kind)


def logical(urn: str, representation: schema_pb2.FieldType, argument: Optional[int] = None) -> schema_pb2.FieldType:
    type_ = FieldType(logical_type=LogicalType(urn=urn, representation=representation))
    if argument is not None:
        type_.logical_type.argument_type.CopyFrom(atomic(schema_pb2.INT32))
        type_.logical_type.argument.atomic_value.int32 = argument
    return type_


def row_of(*fields: schema_pb2.Field) -> schema_pb2.FieldType:
    """A row type with an id of its own: Beam's registry of types goes by it."""
    return FieldType(row_type=schema_pb2.RowType(schema=Schema(id=str(uuid.uuid4()), fields=fields)))


def _instant(parts: str, part_kind: int) -> schema_pb2.FieldType:
    names = [("seconds", schema_pb2.INT64), (parts, part_kind)]
    return row_of(*(schema_pb2.Field(name=name, type=atomic(kind)) for name, kind in names))


def timestamp_type(precision: int) -> schema_pb2.FieldType:
    kind = schema_pb2.INT16 if precision < _SHORT_PRECISION else schema_pb2.INT32
    return logical(TIMESTAMP, _instant("subseconds", kind), precision)


ATOMIC_KINDS = [
    schema_pb2.BYTE,
    schema_pb2.INT16,
    schema_pb2.INT32,
    schema_pb2.INT64,
    schema_pb2.FLOAT,
    schema_pb2.DOUBLE,
    schema_pb2.STRING,
    schema_pb2.BOOLEAN,
    schema_pb2.BYTES,
]
# What Python's dictionaries can hold as keys and read back unchanged.
_KEY_KINDS = [schema_pb2.INT32, schema_pb2.INT64, schema_pb2.BOOLEAN, schema_pb2.BYTES, schema_pb2.INT16]

_LOGICAL_TYPES: List[Callable[[], schema_pb2.FieldType]] = [
    lambda: logical(MICROS, _instant("micros", schema_pb2.INT64)),
    lambda: logical(MILLIS, atomic(schema_pb2.INT64)),
    lambda: logical(DECIMAL, atomic(schema_pb2.BYTES)),
    lambda: logical(FIXED_DECIMAL, logical(DECIMAL, atomic(schema_pb2.BYTES))),
    lambda: logical(DATE, atomic(schema_pb2.INT64)),
    lambda: logical(FIXED_BYTES, atomic(schema_pb2.BYTES), 5),
    lambda: logical(VAR_BYTES, atomic(schema_pb2.BYTES), 200),
    lambda: logical(FIXED_CHAR, atomic(schema_pb2.STRING), 5),
    lambda: logical(VAR_CHAR, atomic(schema_pb2.STRING), 200),
]


def _leaf_types() -> st.SearchStrategy[schema_pb2.FieldType]:
    return st.one_of(
        st.sampled_from(ATOMIC_KINDS).map(atomic),
        st.sampled_from(_LOGICAL_TYPES).map(lambda make: make()),
        st.integers(0, 9).map(timestamp_type),
    )


@st.composite
def field_types(draw: st.DrawFn, depth: int = 0, only_string_keys: bool = True) -> schema_pb2.FieldType:
    kind = draw(st.sampled_from(["leaf"] * 6 + ["array", "iterable", "map", "row"])) if depth < MAX_DEPTH else "leaf"
    if kind == "leaf":
        type_ = draw(_leaf_types())
    elif kind == "row":
        schema = draw(schemas(depth + 1, only_string_keys, max_fields=4))
        type_ = FieldType(row_type=schema_pb2.RowType(schema=schema))
    else:
        element = draw(field_types(depth + 1, only_string_keys))
        if kind == "array":
            type_ = FieldType(array_type=schema_pb2.ArrayType(element_type=element))
        elif kind == "iterable":
            type_ = FieldType(iterable_type=schema_pb2.IterableType(element_type=element))
        else:
            key = schema_pb2.STRING if only_string_keys else draw(st.sampled_from(_KEY_KINDS))
            type_ = FieldType(map_type=schema_pb2.MapType(key_type=atomic(key), value_type=element))
    type_.nullable = draw(st.booleans())
    return type_


@st.composite
def schemas(
    draw: st.DrawFn, depth: int = 0, only_string_keys: bool = True, max_fields: int = 20, permuted: bool = True
) -> schema_pb2.Schema:
    """Schemas of up to `max_fields` fields, some with their encoding positions permuted."""
    types = draw(st.lists(field_types(depth, only_string_keys), min_size=0 if depth else 1, max_size=max_fields))
    schema = Schema(id=str(uuid.uuid4()))
    schema.fields.extend(schema_pb2.Field(name=f"f{i}", type=type_) for i, type_ in enumerate(types))
    if permuted and types and draw(st.integers(0, 3)) == 0:
        schema.encoding_positions_set = True
        for field, position in zip(schema.fields, draw(st.permutations(range(len(types)))), strict=True):
            field.encoding_position = position
    return schema


# ---- values ----

_INT_EDGES = [0, 1, -1, 127, 128, -128, 255, 256, 16383, 16384, 2**31 - 1, -(2**31), 2**53 - 1, 2**53, -(2**53)]
_REAL_EDGES = [0.0, -0.0, 1.0, -1.5, 0.1, 1e15, 1e17, 1e22, 123456789012345678.0, 2.0**53, 1e-5, 1e-7, 5e-324]
_REAL_EDGES += [2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740993.0, 16777217.0, 3.4028234e38]
_NON_FINITE = [math.nan, math.inf, -math.inf]
_TEXT_EDGES = ["", "a", "\x00", '\x1f\x7f"\\/\b\f\n\r\t', "\u2028\u2029", "\U0001f600", "ÿ", "光线", "x" * 200]


def _integer(rng: random.Random, low: int, high: int) -> int:
    edges = [edge for edge in [low, high, *_INT_EDGES] if low <= edge <= high]
    if rng.random() < 0.5:
        return rng.choice(edges)
    return max(low, min(high, rng.getrandbits(rng.randint(1, 64)) * rng.choice([1, -1])))


def _real(rng: random.Random, layout: str, non_finite: float) -> float:
    if rng.random() < non_finite:
        return rng.choice(_NON_FINITE)
    if rng.random() < 0.4:
        value = rng.choice(_REAL_EDGES)
    elif rng.random() < 0.3:
        value = float(rng.randint(-(10**6), 10**6)) / 100
    else:
        value = struct.unpack(">d", rng.randbytes(8))[0]
    if layout == ">d":
        return value if math.isfinite(value) else 0.5
    if rng.random() < 0.5:
        value = struct.unpack(">f", rng.randbytes(4))[0]
    return struct.unpack(">f", struct.pack(">f", value))[0] if math.isfinite(value) and abs(value) < 3.4e38 else 0.25


def _text(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return rng.choice(_TEXT_EDGES)
    alphabet = 'abc "\\\n\x01é€😀' if rng.random() < 0.5 else "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(rng.choice(alphabet) for _ in range(rng.choice([1, 3, 8, 17, 40])))


def _micros(rng: random.Random, outside: float) -> int:
    if rng.random() < outside:
        return rng.choice([_FIRST_MICROS - 1, _LAST_MICROS + 1, -(2**62), 2**62])
    if rng.random() < 0.3:
        return rng.choice([0, -1, 1, 999, 1000, -1000, -999999, 10**6, _FIRST_MICROS, _LAST_MICROS])
    return rng.randint(_FIRST_MICROS, _LAST_MICROS)


def _decimal(rng: random.Random) -> decimal.Decimal:
    digits = rng.choice(["0", "1", "150", "99", "12345678901234567890123456789012345678", str(rng.getrandbits(120))])
    exponent = rng.choice([0, 0, -2, -2, -9, -40, 1, 3, 20])
    return decimal.Decimal(f"{rng.choice(['', '-'])}{digits}E{exponent}")


class RowMaker:
    """Rows of a schema.

    Args:
      rng: where all chance comes from.
      bad_values: how often a value is one that Tecton cannot take, 0 to 1: NaN, a year past 9999.
    """

    def __init__(self, rng: random.Random, bad_values: float = 0.0) -> None:
        self._rng = rng
        self._bad = bad_values

    def row(self, schema: schema_pb2.Schema) -> SimpleNamespace:
        return SimpleNamespace(**{field.name: self.value(field.type) for field in schema.fields})

    def value(self, type_: schema_pb2.FieldType) -> Any:
        if type_.nullable and self._rng.random() < 0.25:
            return None
        kind = type_.WhichOneof("type_info")
        if kind == "atomic_type":
            return self._atomic(type_.atomic_type)
        if kind == "row_type":
            return self.row(type_.row_type.schema)
        if kind == "logical_type":
            return self._logical(type_.logical_type)
        count = self._rng.choice([0, 1, 2, 3, 3, 9])
        if kind == "map_type":
            types = type_.map_type
            return {self.value(types.key_type): self.value(types.value_type) for _ in range(count)}
        element = type_.array_type.element_type if kind == "array_type" else type_.iterable_type.element_type
        return [self.value(element) for _ in range(count)]

    def _atomic(self, kind: int) -> Any:
        rng = self._rng
        if kind == schema_pb2.BYTE:
            return _integer(rng, 0, 255)  # what Python's coder writes; -128 to 127 it refuses
        if kind == schema_pb2.INT16:
            return _integer(rng, -(2**15), 2**15 - 1)
        if kind == schema_pb2.INT32:
            return _integer(rng, -(2**31), 2**31 - 1)
        if kind == schema_pb2.INT64:
            return _integer(rng, -(2**63), 2**63 - 1)
        if kind == schema_pb2.FLOAT:
            return _real(rng, ">f", self._bad)
        if kind == schema_pb2.DOUBLE:
            return _real(rng, ">d", self._bad)
        if kind == schema_pb2.STRING:
            return _text(rng)
        if kind == schema_pb2.BOOLEAN:
            return rng.random() < 0.5
        return rng.randbytes(rng.choice([0, 1, 2, 3, 10, 130]))

    def _logical(self, type_: schema_pb2.LogicalType) -> Any:
        rng = self._rng
        if type_.urn in (MICROS, MILLIS):
            return Timestamp(micros=_micros(rng, self._bad))
        if type_.urn == TIMESTAMP:
            precision = type_.argument.atomic_value.int32
            seconds = _micros(rng, self._bad) // 10**6
            subseconds = rng.choice([0, 10**precision - 1, rng.randrange(10**precision)])
            return Timestamp(seconds=seconds, subseconds=subseconds, precision=precision)
        if type_.urn in (DECIMAL, FIXED_DECIMAL):
            return _decimal(rng)
        if type_.urn == DATE:
            edges = [datetime.date.min, datetime.date.max, datetime.date(1970, 1, 1), datetime.date(2024, 2, 29)]
            return rng.choice([*edges, datetime.date.fromordinal(rng.randint(1, datetime.date.max.toordinal()))])
        if type_.urn in (FIXED_BYTES, VAR_BYTES):
            return rng.randbytes(5)
        return "".join(rng.choice("ab é€") for _ in range(5))
