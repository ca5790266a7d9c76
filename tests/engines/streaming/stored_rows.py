"""Reads the emulator's journal (tests/emulator/write_journal.h): when each row was stored, and when it was due."""

from pathlib import Path
from typing import List, NamedTuple


class Stored(NamedTuple):
    """A row in the store: when its impulse was due, by the clock of the row, and when it was stored; microseconds."""

    due_us: int
    stored_us: int


class StoredRows:
    """The part of the journal that is written from now on."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._offset = journal.stat().st_size

    def read(self) -> List[Stored]:
        with self._journal.open() as file:
            file.seek(self._offset)
            lines = [line.rstrip("\n").split("\t") for line in file]
        # The last of the join keys, each of which has a comma behind.
        return [Stored(int(keys.split(",")[-2].strip('"')), int(stored_us)) for stored_us, _, _, keys in lines]
