"""Notes the worker processes that start while it watches, and who started them."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from pathlib import Path
from typing import Dict, List, Tuple

PROGRAM = "beam-tecton"
# All that this process starts, directly or not, inherits it: others may run workers on this machine at the same time.
MARK = "BEAM_TECTON_MATRIX_RUN"
LOOK_SECONDS = 0.05


class WorkerWatch:
    """Watches from `with` on. A worker that lives for less than LOOK_SECONDS may be missed."""

    def __init__(self) -> None:
        os.environ.setdefault(MARK, uuid.uuid4().hex)
        self._mark = f"{MARK}={os.environ[MARK]}".encode()
        self._starters: Dict[int, str] = {}
        self._old: Dict[int, str] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def starters(self) -> List[str]:
        """For each worker the program that started it, for instance `beam-tecton worker-pool`."""
        return [starter for pid, starter in self._starters.items() if pid not in self._old]

    def __enter__(self) -> WorkerWatch:
        self._look(self._old)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            self._look(self._starters)

    def _look(self, into: Dict[int, str]) -> None:
        for folder in Path("/proc").glob("[0-9]*"):
            if int(folder.name) in into:
                continue
            with contextlib.suppress(OSError):
                program, arguments = command_line(folder)
                is_worker = any(argument.startswith("--provision_endpoint=") for argument in arguments)
                if program == PROGRAM and is_worker and self._mark in (folder / "environ").read_bytes().split(b"\0"):
                    parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
                    into[int(folder.name)] = name_of(*command_line(Path("/proc") / parent))


def command_line(process: Path) -> Tuple[str, List[str]]:
    """The program's name and its arguments."""
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    return Path(words[0]).name, words[1:]


def name_of(program: str, arguments: List[str]) -> str:
    if program == PROGRAM:
        return f"{program} {arguments[0]}"
    if program == "java":  # which runs more than one thing
        return (
            "Flink TaskManager" if any(argument.endswith(".TaskManagerRunner") for argument in arguments) else program
        )
    return program
