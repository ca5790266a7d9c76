"""Reads what workers write under BEAM_TECTON_ROW_TRACE (worker/row_trace.h): one file for all workers of a run."""

from pathlib import Path
from typing import List, NamedTuple

VARIABLE = "BEAM_TECTON_ROW_TRACE"


class Stay(NamedTuple):
    """A row, or the end of a bundle: when the worker received it, and when all was done for it."""

    received_us: int
    ended_us: int


class RowTrace:
    """The part of the file that was written since `mark`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        path.unlink(missing_ok=True)

    def mark(self) -> None:
        self._offset = self._path.stat().st_size if self._path.is_file() else 0

    def rows(self) -> List[Stay]:
        return self._stays("row")

    def bundles(self) -> List[Stay]:
        return self._stays("bundle")

    def _stays(self, kind: str) -> List[Stay]:
        if not self._path.is_file():
            return []
        with self._path.open() as file:
            file.seek(self._offset)
            lines = [line.rstrip("\n").split(",") for line in file]
        return [Stay(int(line[1]), int(line[2])) for line in lines if line[0] == kind]
