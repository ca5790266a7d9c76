"""The native half of a conformance test: a program that answers requests over a pipe, as frames.h describes it.

Programs are those of the ordinary build; CONFORMANCE_PROGRAMS names another folder, such as a sanitized build's
build/asan-bin/tests/conformance.
"""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Optional, Type

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("CONFORMANCE_PROGRAMS", ROOT / "bazel-bin" / "tests" / "conformance"))


class ProgramEnded(AssertionError):
    """The program ended where an answer was due: it crashed, or did not understand the request."""


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def sized(value: bytes) -> bytes:
    """Bytes behind their length."""
    return number(len(value)) + value


class Answer:
    """Reads one answer from its start to its end."""

    def __init__(self, frame: bytes) -> None:
        self._frame = frame
        self._at = 0

    def take(self, length: int) -> bytes:
        taken = self._frame[self._at : self._at + length]
        assert len(taken) == length, "the answer is shorter than its parts"
        self._at += length
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return struct.unpack(">I", self.take(4))[0]

    def sized(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        return self.sized().decode()

    def done(self) -> None:
        assert self._at == len(self._frame), "the answer is longer than its parts"


class NativeProgram:
    """A running program; use it in a `with` statement.

    Raises:
      ProgramEnded: from `ask`, with the end of what the program wrote to its standard error.
    """

    def __init__(self, name: str, *arguments: str) -> None:
        path = PROGRAMS / name
        assert path.exists(), f"{path} is missing: run `bazel build //tests/conformance/...`"
        self._process = subprocess.Popen(
            [str(path), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def __enter__(self) -> NativeProgram:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        _, errors = self._process.communicate()
        if kind is None:
            assert self._process.returncode == 0, errors.decode(errors="replace")[-4000:]

    def ask(self, request: bytes) -> Answer:
        """Sends one request and waits for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(sized(request))
            self._process.stdin.flush()
        except BrokenPipeError:
            self._ended()
        head = self._process.stdout.read(4)
        if len(head) < 4:
            self._ended()
        length = struct.unpack(">I", head)[0]
        frame = self._process.stdout.read(length)
        if len(frame) < length:
            self._ended()
        return Answer(frame)

    def _ended(self) -> None:
        assert self._process.stderr is not None
        errors = self._process.stderr.read().decode(errors="replace")
        raise ProgramEnded(f"status {self._process.wait()}: {errors[-4000:]}")
