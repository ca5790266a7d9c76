"""What the record of a row must be, byte for byte: the table of worker/records/README.md written once more, in Python.

Rows and types are those of row_schemas.py; options have their defaults.
"""

from __future__ import annotations

import base64
import decimal
import json
import math
from typing import Any, Tuple

import numpy as np
from apache_beam.portability.api import schema_pb2
from row_schemas import DATE, DECIMAL, FIXED_DECIMAL, MICROS, MILLIS, TIMESTAMP

_MAX_SAFE = 2**53 - 1
_FIRST_SECOND, _LAST_SECOND = -62135596800, 253402300799
_MOST_PLAIN_DIGITS, _MOST_LEADING_ZEROS = 17, 5


class Refused(Exception):
    """The value has no form in JSON; the argument is its path."""


def record(schema: schema_pb2.Schema, row: Any) -> str:
    """The row's record. Raises Refused with the path of the first value, in the schema's order, that has none."""
    return _row(schema, row, "")


def _row(schema: schema_pb2.Schema, row: Any, path: str) -> str:
    columns = []
    for field in schema.fields:
        inner = f"{path}.{field.name}" if path else field.name
        columns.append(f'"{field.name}":{_value(field.type, getattr(row, field.name), inner)}')
    return "{" + ",".join(columns) + "}"


def _value(type_: schema_pb2.FieldType, value: Any, path: str) -> str:
    if value is None:
        return "null"
    kind = type_.WhichOneof("type_info")
    if kind == "row_type":
        return _row(type_.row_type.schema, value, path)
    if kind == "map_type":
        of = type_.map_type.value_type
        entries = (
            f"{_string(key)}:{_value(of, item, f'{path}[entry {i}]')}" for i, (key, item) in enumerate(value.items())
        )
        return "{" + ",".join(entries) + "}"
    if kind in ("array_type", "iterable_type"):
        of = type_.array_type.element_type if kind == "array_type" else type_.iterable_type.element_type
        return "[" + ",".join(_value(of, item, f"{path}[{i}]") for i, item in enumerate(value)) + "]"
    if kind == "logical_type":
        return _logical(type_.logical_type, value, path)
    return _atomic(type_.atomic_type, value, path)


def _atomic(kind: int, value: Any, path: str) -> str:
    if kind == schema_pb2.STRING:
        return _string(value)
    if kind == schema_pb2.BYTES:
        return f'"{base64.b64encode(value).decode()}"'
    if kind == schema_pb2.BOOLEAN:
        return "true" if value else "false"
    if kind in (schema_pb2.FLOAT, schema_pb2.DOUBLE):
        if not math.isfinite(value):
            raise Refused(path)
        return _real(value, kind == schema_pb2.FLOAT)
    if kind == schema_pb2.BYTE:
        return str(value - 256 if value > 127 else value)
    return str(value) if kind != schema_pb2.INT64 or abs(value) <= _MAX_SAFE else f'"{value}"'


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _real(value: float, is_float: bool) -> str:
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    magnitude = abs(value)
    if magnitude < (2**24 if is_float else 2**53) and magnitude == int(magnitude):
        return f"{sign}{int(magnitude)}.0"
    shortest = np.format_float_scientific(np.float32(magnitude) if is_float else np.float64(magnitude), unique=True)
    parts = decimal.Decimal(shortest).as_tuple()
    digits = "".join(map(str, parts.digits)).rstrip("0")
    exponent = int(parts.exponent) + len(parts.digits) - len(digits)
    point = len(digits) + exponent
    if exponent >= 0 and point <= _MOST_PLAIN_DIGITS:
        text = digits + "0" * exponent + ".0"
    elif 0 < point <= _MOST_PLAIN_DIGITS:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -_MOST_LEADING_ZEROS <= point <= 0:
        text = "0." + "0" * -point + digits
    else:
        text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + f"e{point - 1}"
    return sign + text


def _civil(days: int) -> Tuple[int, int, int]:
    """Year, month and day, for the whole of the years 0001 to 9999."""
    date = np.datetime64(days, "D").item()
    return date.year, date.month, date.day


def _timestamp(seconds: int, fraction: str, path: str) -> str:
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise Refused(path)
    days, clock = divmod(seconds, 86400)
    year, month, day = _civil(days)
    text = f"{year:04}-{month:02}-{day:02}T{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
    return f'"{text}{"." + fraction if fraction else ""}Z"'


def _logical(type_: schema_pb2.LogicalType, value: Any, path: str) -> str:
    if type_.urn == MICROS:
        seconds, micros = divmod(value.micros, 10**6)
        return _timestamp(seconds, f"{micros:06}", path)
    if type_.urn == MILLIS:
        seconds, millis = divmod(value.micros // 1000, 1000)
        return _timestamp(seconds, f"{millis:03}", path)
    if type_.urn == TIMESTAMP:
        precision = type_.argument.atomic_value.int32
        return _timestamp(value.seconds(), f"{value.subseconds():0{precision}}" if precision else "", path)
    if type_.urn in (DECIMAL, FIXED_DECIMAL):
        return f'"{_plain(value)}"'
    if type_.urn == DATE:
        return f'"{value.isoformat()}"'
    return _value(type_.representation, value, path)


def _plain(value: decimal.Decimal) -> str:
    text = format(value, "f")
    return text.removeprefix("-") if value == 0 else text  # a decimal's zero has no sign on the wire
