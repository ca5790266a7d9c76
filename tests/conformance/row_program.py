"""A running row_vectors: schemas and rows in, rows encoded again and records out."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from native_program import NativeProgram, number, sized

AUTO, NUMBER, STRING = range(3)  # int64_encoding
REJECT, NULL, TEXT = range(3)  # non_finite
REFUSE, REPRESENTATION = range(2)  # unknown_logical_types


class Row(NamedTuple):
    """What became of one row. `error` when it could not be decoded; then there is nothing else."""

    error: Optional[str] = None
    again: bytes = b""
    record: Optional[str] = None
    refusal: Optional[str] = None


class RowProgram(NativeProgram):
    def __init__(self) -> None:
        super().__init__("row_vectors")

    def set_schema(
        self, schema: bytes, int64_encoding: int = AUTO, non_finite: int = REJECT, unknown: int = REFUSE
    ) -> Optional[str]:
        """Rows from now on are of this schema. Why Tecton cannot take them, or None.

        Raises:
          ValueError: rows of it cannot even be decoded.
        """
        answer = self.ask(b"S" + bytes([int64_encoding, non_finite, unknown]) + sized(schema))
        if answer.byte() == 0:
            raise ValueError(answer.text())
        refusal = None if answer.byte() == 1 else answer.text()
        answer.done()
        return refusal

    def row(self, encoded: bytes, padded: bool = True, slice_length: int = 0) -> Row:
        """Decodes one row, encodes it with null bitmaps padded or trimmed, makes its record.

        Args:
          slice_length: bytes in one slice of the input, 0 for all.
        """
        answer = self.ask(b"R" + bytes([padded]) + number(slice_length) + sized(encoded))
        if answer.byte() == 0:
            return Row(error=answer.text())
        again = answer.sized()
        has_record, text = answer.byte() == 1, answer.text()
        row = Row(again=again, record=text if has_record else None, refusal=None if has_record else text)
        answer.done()
        return row


# A schema and rows of it as the programs of other SDKs write them: {"schema": base64, "rows": [{"row": base64,
# "record": text}]}; and "refused", the path of a field that no record can hold, or "other_form": we write other bytes.
RowLine = Dict[str, Any]


def read_lines(path: Path) -> List[RowLine]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def check_line(program: RowProgram, line: RowLine, padded: bool) -> None:
    """Every row: whole, in slices and cut short; the same bytes again, and its record.

    Args:
      padded: whether the SDK that wrote the rows pads null bitmaps.
    """
    refusal = program.set_schema(base64.b64decode(line["schema"]))
    if "refused" in line:
        assert refusal is not None
        assert refusal.startswith(f"field {line['refused']}: "), refusal
    else:
        assert refusal is None
    for row in line["rows"]:
        encoded = base64.b64decode(row["row"])
        for slice_length in (0, 1, 11):
            native = program.row(encoded, padded, slice_length)
            assert native.error is None
            assert line.get("other_form") or native.again == encoded
            assert native.record == row.get("record")
        for length in range(min(len(encoded), 100)):
            position = re.search(r"byte (\d+)", str(program.row(encoded[:length]).error))
            assert position
            assert int(position[1]) <= length
