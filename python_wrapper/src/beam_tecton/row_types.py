"""Whether elements of a type can be written as rows, and what to change in the pipeline when they cannot."""

import datetime
import typing
from typing import Any, Optional

import apache_beam as beam
from apache_beam.portability.api import schema_pb2
from apache_beam.typehints import row_type, schemas, typehints

from beam_tecton.row_conversion import declared_fields


def checked_row_type(element_type: Any) -> row_type.RowTypeConstraint:
    """The row type of elements of this type.

    Raises:
      TypeError: they are not rows, or Beam could only infer Any for a field; the message has the line that fixes it.
    """
    row = _row_type(element_type)
    if row is None:
        raise TypeError(_no_schema(element_type))
    field_type = schemas.typing_to_runner_api(row)
    path = _any_field(field_type.row_type.schema)
    if path is not None:
        raise TypeError(_untyped_field(row, path))
    return row


def _row_type(element_type: Any) -> Optional[row_type.RowTypeConstraint]:
    if isinstance(element_type, row_type.RowTypeConstraint):
        return element_type
    # Read here and not by Beam, which takes annotations as they stand: under `from __future__ import annotations` they
    # are text. Older releases of Beam do not know dataclasses either.
    named = declared_fields(element_type) if isinstance(element_type, type) else None
    return row_type.RowTypeConstraint(named, element_type) if named else None


def _any_field(schema: schema_pb2.Schema) -> Optional[str]:
    """Path of the first field that Beam could give no type, or None."""
    for field in schema.fields:
        inner = _any_part(field.type)
        if inner is not None:
            return field.name + inner
    return None


def _any_part(field_type: schema_pb2.FieldType) -> Optional[str]:
    kind = field_type.WhichOneof("type_info")
    if kind == "logical_type":
        return "" if field_type.logical_type.urn == schemas.PYTHON_ANY_URN else None
    if kind == "row_type":
        path = _any_field(field_type.row_type.schema)
        return None if path is None else f".{path}"
    elements = {
        "array_type": field_type.array_type.element_type,
        "iterable_type": field_type.iterable_type.element_type,
        "map_type": field_type.map_type.value_type,
    }
    if kind in elements:
        path = _any_part(elements[kind])
        return None if path is None else f"[]{path}"
    return None


def _no_schema(element_type: Any) -> str:
    if isinstance(element_type, typehints.UnionConstraint) and type(None) in element_type.union_types:
        return (
            "The input of WriteToTectonStream has elements that may be None. Drop those before the write: "
            "rows | beam.Filter(lambda row: row is not None).with_output_types(MyRow) | WriteToTectonStream(...)"
        )
    known = "beam.Row without fields" if element_type is beam.Row else _shown(element_type)
    return (
        f"The input of WriteToTectonStream has no schema: Beam knows its elements only as {known}. Say what is in "
        "them: WriteToTectonStream(..., schema={'user_id': str, 'amount': float}), with all your columns, or give "
        "the step before it a type: .with_output_types(MyNamedTuple)"
    )


def _untyped_field(row: row_type.RowTypeConstraint, path: str) -> str:
    known = {name: _python_name(declared) for name, declared in row._fields}
    columns = ", ".join(f"'{name}': {text}" for name, text in known.items())
    top = path.split(".")[0].split("[")[0]
    declared = dict(row._fields)[top]
    why = "Beam could not infer its type"
    if _strip_optional(declared) is datetime.datetime:
        why = "Beam has no type for datetime.datetime"
    elif declared not in (Any, typehints.Any):
        why = f"Beam has no single type for {_shown(declared)}"
    return (
        f"Field '{path}' of the input of WriteToTectonStream has no type: {why}. Declare the columns: "
        f"WriteToTectonStream(..., schema={{{columns}}})"
    )


def _python_name(declared: Any) -> str:
    """A field's type as one would write it in schema=, with `...` where only the user knows it."""
    plain = _strip_optional(declared)
    text = plain.__name__ if isinstance(plain, type) and plain is not Any else "..."
    return text if plain is declared else f"Optional[{text}]"


def _strip_optional(declared: Any) -> Any:
    arguments = typing.get_args(declared) or tuple(getattr(declared, "union_types", ()))
    rest = [one for one in arguments if one is not type(None)]
    if len(rest) == 1 and len(rest) < len(arguments):
        return rest[0]
    return declared


def _shown(declared: Any) -> str:
    return declared.__name__ if isinstance(declared, type) else str(declared)
