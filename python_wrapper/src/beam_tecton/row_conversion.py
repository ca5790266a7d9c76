"""Turns rows whose types Beam does not know into rows of a declared schema, checking each value.

Used where a pipeline gives `schema=`: dicts, and rows whose fields Beam could only infer as Any. Errors name the field
and the value's type, never the value.
"""

import collections.abc
import dataclasses
import datetime
import decimal
import numbers
import types
import typing
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type, Union

import apache_beam as beam
import numpy as np
from apache_beam.typehints import row_type
from apache_beam.utils.timestamp import Timestamp

# What may be given as schema=: a NamedTuple class, a dataclass, or names with types.
Schema = Union[type, Mapping[str, Any]]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MICROSECOND = datetime.timedelta(microseconds=1)
_INT_BITS: Dict[type, int] = {int: 64, np.int64: 64, np.int32: 32, np.int16: 16, np.int8: 8}
_SCALAR_KINDS: Dict[type, str] = {
    **dict.fromkeys(_INT_BITS, "int"),
    **dict.fromkeys((float, np.float64, np.float32), "float"),
    **dict.fromkeys((Timestamp, datetime.datetime), "timestamp"),
    str: "str",
    bytes: "bytes",
    bool: "bool",
    decimal.Decimal: "decimal",
}
_MAX_DEPTH = 32  # of nested rows, lists and maps; a class that contains itself has no end


class RowConversionError(ValueError):
    """A row does not fit the declared schema; the message names the field and the value's type."""


class FieldType(NamedTuple):
    """One type of a declared schema, in a form that pickles without the user's classes."""

    kind: str  # "int", "float", "str", "bytes", "bool", "timestamp", "decimal", "list", "map" or "row"
    nullable: bool
    atomic: Optional[type]  # "int" and "float": the exact type, np.int32 for example
    parts: Tuple["FieldType", ...]  # "list": its element; "map": its value; "row": its fields
    names: Tuple[str, ...]  # "row": names of its fields


def row_schema(schema: Schema, where: str = "schema=") -> FieldType:
    """The declared schema as a FieldType of kind "row".

    Raises:
      TypeError: not a NamedTuple class, dataclass or mapping, or a field has a type that cannot be written.
    """
    named = declared_fields(schema)
    if named is None:
        raise TypeError(
            f"{where} must be a NamedTuple class, a dataclass or a dict of names and types such as "
            f"{{'user_id': str}}, not {_type_name(schema)}."
        )
    return _row_type(named, where, nullable=False, depth=0)


def element_type(row: FieldType) -> row_type.RowTypeConstraint:
    """The Beam type of rows of this schema."""
    return row_type.RowTypeConstraint.from_fields(
        [(name, _beam_type(part)) for name, part in zip(row.names, row.parts, strict=True)]
    )


class ConvertRow(beam.DoFn):
    """Emits each element as a row of the declared schema.

    Args:
      row: the schema, from row_schema.
    """

    def __init__(self, row: FieldType) -> None:
        super().__init__()
        self._row = row
        self._convert: Optional[Callable[[Any], Any]] = None

    def setup(self) -> None:
        self._convert = row_converter(self._row)

    def process(self, element: Any) -> Iterable[Any]:
        assert self._convert is not None
        return (self._convert(element),)


def row_converter(row: FieldType) -> Callable[[Any], Any]:
    """A function from one element to one row of the schema, which raises RowConversionError for what does not fit."""
    convert = _converter(row)

    def convert_element(element: Any) -> Any:
        try:
            return convert(element)
        except _Mismatch as mismatch:
            raise RowConversionError(mismatch.message()) from None

    return convert_element


class _Mismatch(Exception):
    """A value that does not fit; parts of its path are added on the way out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = ""

    def inside(self, part: str) -> "_Mismatch":
        separator = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{part}{separator}{self.path}"
        return self

    def message(self) -> str:
        if not self.path:
            return f"An element cannot be written with this schema=: {self.problem}"
        return f"Field '{self.path}' of a row does not fit schema=: {self.problem}"


# --- Reading a declaration -------------------------------------------------------------------------------------------


def declared_fields(declared: Any) -> Optional[List[Tuple[str, Any]]]:
    """Names and types of a NamedTuple class, dataclass, mapping or Beam row type; None if it is none of them."""
    if isinstance(declared, collections.abc.Mapping):
        return list(declared.items())
    if isinstance(declared, row_type.RowTypeConstraint):
        return list(declared._fields)
    if isinstance(declared, type) and issubclass(declared, tuple) and hasattr(declared, "_fields"):
        hints = typing.get_type_hints(declared)
        return [(name, hints.get(name, Any)) for name in declared._fields]
    if isinstance(declared, type) and dataclasses.is_dataclass(declared):
        hints = typing.get_type_hints(declared)
        return [(field.name, hints[field.name]) for field in dataclasses.fields(declared)]
    return None


def _row_type(named: List[Tuple[str, Any]], where: str, nullable: bool, depth: int) -> FieldType:
    if not named:
        raise TypeError(f"{where} has no fields; name at least one.")
    parts = []
    for name, declared in named:
        if not isinstance(name, str) or not name:
            raise TypeError(f"{where} has a field whose name is not a non-empty string.")
        parts.append(_field_type(declared, f"{where}, field '{name}'", depth + 1))
    return FieldType("row", nullable, None, tuple(parts), tuple(name for name, _ in named))


def _field_type(declared: Any, where: str, depth: int) -> FieldType:
    if depth > _MAX_DEPTH:
        raise TypeError(f"{where}: nested more than {_MAX_DEPTH} deep.")
    inner, nullable = _strip_optional(declared)
    origin, arguments = typing.get_origin(inner), typing.get_args(inner)

    if isinstance(inner, type) and inner in _SCALAR_KINDS:
        kind = _SCALAR_KINDS[inner]
        return FieldType(kind, nullable, inner if kind in ("int", "float") else None, (), ())
    if origin in (list, collections.abc.Sequence, collections.abc.Iterable) and arguments:
        return FieldType("list", nullable, None, (_field_type(arguments[0], f"{where}[]", depth + 1),), ())
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return FieldType("list", nullable, None, (_field_type(arguments[0], f"{where}[]", depth + 1),), ())
    if origin in (dict, collections.abc.Mapping) and arguments:
        if arguments[0] is not str:
            raise TypeError(f"{where} is a map with keys that are not str; JSON objects have only text keys.")
        return FieldType("map", nullable, None, (_field_type(arguments[1], f"{where}[]", depth + 1),), ())
    named = declared_fields(inner)
    if named is not None:
        return _row_type(named, where, nullable, depth)
    hint = " Say what is in it: list[str], for example." if inner in (list, dict, tuple) else ""
    raise TypeError(
        f"{where} has the type {_type_name(inner)}, which cannot be written.{hint} Types that can: int, float, str, "
        "bool, bytes, Decimal, datetime or Beam's Timestamp, numpy's fixed sizes, list[...], dict[str, ...], a "
        "NamedTuple, dataclass or dict of these, and Optional[...] of each."
    )


def _strip_optional(declared: Any) -> Tuple[Any, bool]:
    if typing.get_origin(declared) in (Union, types.UnionType):
        arguments = typing.get_args(declared)
        rest = [one for one in arguments if one is not type(None)]
        if len(rest) == 1 and len(rest) < len(arguments):
            return rest[0], True
    return declared, False


def _beam_type(field: FieldType) -> Any:
    plain = _plain_beam_type(field)
    return Optional[plain] if field.nullable else plain


def _plain_beam_type(field: FieldType) -> Any:
    if field.atomic is not None:
        return field.atomic
    if field.kind == "list":
        return Sequence[_beam_type(field.parts[0])]  # type: ignore[misc]
    if field.kind == "map":
        return Mapping[str, _beam_type(field.parts[0])]  # type: ignore[misc]
    if field.kind == "row":
        return element_type(field)
    named: Dict[str, type] = {
        "str": str,
        "bytes": bytes,
        "bool": bool,
        "decimal": decimal.Decimal,
        "timestamp": Timestamp,
    }
    return named[field.kind]


# --- Converting values -----------------------------------------------------------------------------------------------


def _converter(field: FieldType) -> Callable[[Any], Any]:
    if field.kind == "int":
        assert field.atomic is not None
        convert = _int_converter(_INT_BITS[field.atomic])
    elif field.kind == "list":
        convert = _list_converter(_converter(field.parts[0]))
    elif field.kind == "map":
        convert = _map_converter(_converter(field.parts[0]))
    elif field.kind == "row":
        convert = _row_converter(field)
    else:
        convert = _SCALAR_CONVERTERS[field.kind]
    return _or_none(convert) if field.nullable else convert


def _or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert_or_none(value: Any) -> Any:
        return None if value is None else convert(value)

    return convert_or_none


def _int_converter(bits: int) -> Callable[[Any], int]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(value: Any) -> int:
        if type(value) is not int:
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
                raise _mismatch(value, "int")
            value = int(value)
        if not low <= value <= high:
            raise _Mismatch(f"the integer does not fit {bits} bits. Declare a wider type, or write it as str.")
        return value

    return convert


def _to_float(value: Any) -> float:
    if type(value) is float:
        return value
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise _mismatch(value, "float")
    if isinstance(value, numbers.Integral) and abs(int(value)) > 1 << 53:
        raise _Mismatch("the integer is beyond 2**53 and would lose digits as float. Declare int, or write it as str.")
    return float(value)


def _to_str(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    raise _mismatch(value, "str", " Decode it first." if isinstance(value, (bytes, bytearray)) else "")


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise _mismatch(value, "bytes")


def _to_bool(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise _mismatch(value, "bool")


def _to_decimal(value: Any) -> decimal.Decimal:
    if isinstance(value, decimal.Decimal):
        return value
    raise _mismatch(value, "Decimal")


def _to_timestamp(value: Any) -> Timestamp:
    if isinstance(value, Timestamp):
        return value
    if isinstance(value, datetime.datetime):
        if value != value:  # pandas' NaT is a datetime that differs from itself
            raise _mismatch(value, "a time", " Make it None and the field Optional.")
        # A time without a zone is UTC, as Tecton itself reads one.
        aware = value if value.tzinfo is not None else value.replace(tzinfo=datetime.timezone.utc)
        return Timestamp(micros=(aware - _EPOCH) // _MICROSECOND)
    raise _mismatch(value, "datetime or Timestamp")


def _list_converter(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert_list(value: Any) -> List[Any]:
        if isinstance(value, (str, bytes, bytearray)) or not isinstance(value, (list, tuple, np.ndarray)):
            raise _mismatch(value, "list")
        converted = []
        try:
            for item in value:
                converted.append(convert(item))
        except _Mismatch as mismatch:
            raise mismatch.inside(f"[{len(converted)}]") from None
        return converted

    return convert_list


def _map_converter(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert_map(value: Any) -> Dict[str, Any]:
        if not isinstance(value, collections.abc.Mapping):
            raise _mismatch(value, "dict")
        converted = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise _Mismatch(f"a key of the map is a {_type_name(type(key))}; keys must be str.")
            try:
                converted[key] = convert(item)
            except _Mismatch as mismatch:
                raise mismatch.inside("[]") from None  # the key is content, so it is not shown
        return converted

    return convert_map


def _row_converter(field: FieldType) -> Callable[[Any], Any]:
    make: Type[Any] = element_type(field).user_type
    columns = [(name, _converter(part), part.nullable) for name, part in zip(field.names, field.parts, strict=True)]
    declared = frozenset(field.names)

    def convert_row(value: Any) -> Any:
        given = _fields_of(value)
        values = []
        name = ""
        try:
            for name, convert, nullable in columns:
                if name in given:
                    values.append(convert(given[name]))
                elif nullable:
                    values.append(None)
                else:
                    raise _Mismatch("the row lacks it. Fill it before the write, or declare it Optional[...].")
        except _Mismatch as mismatch:
            raise mismatch.inside(name) from None
        if len(given) > len(columns) or not declared.issuperset(given):
            extra = sorted(str(one) for one in given if one not in declared)
            raise _Mismatch(
                "the row has it and schema= does not, so it would be lost. Declare it, or drop it before the write."
            ).inside(extra[0])
        return make(*values)

    return convert_row


def _fields_of(value: Any) -> Mapping[str, Any]:
    if isinstance(value, collections.abc.Mapping):
        return value
    if isinstance(value, beam.Row):
        return value.__dict__
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise _mismatch(value, "a dict, beam.Row, NamedTuple or dataclass")


_SCALAR_CONVERTERS: Dict[str, Callable[[Any], Any]] = {
    "float": _to_float,
    "str": _to_str,
    "bytes": _to_bytes,
    "bool": _to_bool,
    "decimal": _to_decimal,
    "timestamp": _to_timestamp,
}


def _mismatch(value: Any, expected: str, hint: str = "") -> _Mismatch:
    if value is None:
        return _Mismatch(
            f"it is None and {expected} is expected. Declare it Optional[...], or fill it before the write."
        )
    if not hint and isinstance(value, (float, np.floating)) and value != value:
        hint = " It is NaN, which pandas puts where a value is missing: make it None and the field Optional."
    return _Mismatch(f"{_type_name(type(value))} found, {expected} expected.{hint}")


def _type_name(declared: Any) -> str:
    if isinstance(declared, type):
        prefix = "" if declared.__module__ in ("builtins", "__main__") else f"{declared.__module__}."
        return f"{prefix}{declared.__qualname__}"
    return str(declared)
