"""What native coders must make of an example of standard_coders.yaml: its JSON value as value_text.h writes it."""

from __future__ import annotations

import decimal
import struct
from typing import Any, Dict, List

from apache_beam.portability.api import schema_pb2

_TIMINGS = ["EARLY", "ON_TIME", "LATE", "UNKNOWN"]
_SIGN = 1 << 63
_NANOS = 1_000_000_000


def expected_value(coder: Dict[str, Any], value: Any) -> List[Any]:
    """`value` of `coder` ({"urn", "components", "payload"} as in the file) as the native program shows it."""
    name = coder["urn"].split(":")[2]
    parts = coder.get("components", [])
    if name in ("bytes", "string_utf8"):
        return _text(name, value)
    if name == "bool":
        return ["boolean", value]
    if name == "varint":
        return ["integer", value]
    if name == "double":
        return _double(float(value))
    if name == "kv":
        return ["tuple", [expected_value(parts[0], value["key"]), expected_value(parts[1], value["value"])]]
    if name == "sharded_key":
        return ["tuple", [_text("bytes", value["shardId"]), expected_value(parts[0], value["key"])]]
    if name in ("iterable", "state_backed_iterable"):
        return ["array", [expected_value(parts[0], item) for item in value]]
    if name == "nullable":
        return ["null", None] if value is None else expected_value(parts[0], value)
    if name == "global_window":
        return ["null", None]
    if name == "interval_window":
        return ["window", [value["end"], value["span"]]]
    if name == "custom_window":
        inner = expected_value(parts[0], value["window"])
        return ["tuple", [["window", [value["window"]["end"] - 1, 0]], inner]]  # a window's largest timestamp
    if name in ("windowed_value", "param_windowed_value"):
        windows = ["array", [expected_value(parts[1], window) for window in value["windows"]]]
        element = expected_value(parts[0], value["value"])
        return ["tuple", [["integer", value["timestamp"]], windows, _pane(value["pane"]), element]]
    if name == "timer":
        return _timer(parts, value)
    if name == "row":
        return _row(schema_pb2.Schema.FromString(coder["payload"].encode("latin-1")), value)
    raise ValueError(coder["urn"])


def _text(kind: str, value: str) -> List[Any]:
    if kind == "bytes":
        return ["bytes", value.encode("latin-1").hex()]
    return ["string", value.encode().hex()]


def _double(value: float) -> List[Any]:
    return ["double", struct.pack(">d", value).hex()]


def _pane(pane: Dict[str, Any]) -> List[Any]:
    byte = pane["is_first"] | pane["is_last"] << 1 | _TIMINGS.index(pane["timing"]) << 2
    indexes = [pane["index"], pane["on_time_index"]]
    if indexes == [0, 0]:
        indexes = []
    elif indexes[0] == indexes[1]:
        indexes = indexes[:1]
    return ["tuple", [["integer", byte | len(indexes) << 4], *(["integer", index] for index in indexes)]]


def _timer(parts: List[Dict[str, Any]], value: Dict[str, Any]) -> List[Any]:
    shown = [
        expected_value(parts[0], value["userKey"]),
        _text("string_utf8", value["dynamicTimerTag"]),
        ["array", [expected_value(parts[1], window) for window in value["windows"]]],
        ["boolean", value["clearBit"]],
    ]
    if not value["clearBit"]:
        shown += [["integer", value["fireTimestamp"]], ["integer", value["holdTimestamp"]], _pane(value["pane"])]
    return ["tuple", shown]


def _row(schema: schema_pb2.Schema, value: Dict[str, Any]) -> List[Any]:
    return ["row", [_field(field.type, value[field.name]) for field in schema.fields]]


def _field(type_: schema_pb2.FieldType, value: Any) -> List[Any]:
    if value is None:
        return ["null", None]
    kind = type_.WhichOneof("type_info")
    if kind == "array_type":
        return ["array", [_field(type_.array_type.element_type, item) for item in value]]
    if kind == "map_type":
        types = type_.map_type
        return ["map", [[_field(types.key_type, key), _field(types.value_type, of)] for key, of in value.items()]]
    if kind == "logical_type":
        return _logical(type_.logical_type, value)
    if type_.atomic_type == schema_pb2.STRING:
        return _text("string_utf8", value)
    if type_.atomic_type == schema_pb2.BYTES:
        return _text("bytes", value)
    if type_.atomic_type == schema_pb2.BOOLEAN:
        return ["boolean", value]
    if type_.atomic_type == schema_pb2.DOUBLE:
        return _double(float(value))
    if type_.atomic_type == schema_pb2.FLOAT:
        return ["float", _double(struct.unpack(">f", struct.pack(">f", float(value)))[0])[1]]
    return ["integer", value]


def _logical(logical: schema_pb2.LogicalType, value: Any) -> List[Any]:
    name = logical.urn.split(":")[2]
    if name == "micros_instant":
        return ["timestamp", [value["seconds"], value["micros"] * 1000]]
    if name == "timestamp":
        unit = _NANOS // 10**logical.argument.atomic_value.int32
        return ["timestamp", [value["seconds"], value["subseconds"] * unit]]
    if name == "millis_instant":
        seconds, millis = divmod(value + _SIGN if value < 0 else value - _SIGN, 1000)  # as it stands on the wire
        return ["timestamp", [seconds, millis * 1_000_000]]
    if name == "decimal":
        _, digits, exponent = number = decimal.Decimal(value).as_tuple()
        unscaled = int("".join(map(str, digits))) * (-1 if number.sign else 1)
        size = (unscaled + (unscaled < 0)).bit_length() // 8 + 1
        return ["decimal", [unscaled.to_bytes(size, "big", signed=True).hex(), -int(exponent)]]
    return _field(logical.representation, value)
