"""A folder in memory, for files whose lines a bundle or a request waits for: a slow disk would be in the figures."""

import contextlib
import tempfile
from pathlib import Path
from typing import Iterator


@contextlib.contextmanager
def memory_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)
