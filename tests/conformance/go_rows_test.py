"""Rows encoded by the Go SDK against the native row coder and its records.

go_rows.jsonl is what the program in go/ wrote: in that folder, `go run . ../go_rows.jsonl` writes it again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from row_program import RowLine, RowProgram, check_line, read_lines

LINES = read_lines(Path(__file__).parent / "go_rows.jsonl")


@pytest.fixture(scope="module")
def program() -> Iterator[RowProgram]:
    with RowProgram() as running:
        yield running


@pytest.mark.parametrize("line", LINES, ids=["every", "int32", "keyed"])
def test_a_row_of_the_fixture(program: RowProgram, line: RowLine):
    check_line(program, line, padded=True)


def test_the_fixture_is_whole():
    assert [len(line["rows"]) for line in LINES] == [60, 5, 1]
