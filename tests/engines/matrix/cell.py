"""The cells of the matrix: which caller runs where, and why some do not."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional

CALLERS = ["python", "java", "go", "yaml"]
RUNNERS = ["direct", "prism", "flink"]
ENVIRONMENTS = ["PROCESS", "EXTERNAL"]


class Refusal(NamedTuple):
    """Why a cell cannot run."""

    reason: str
    error: Optional[str]  # what Beam says when it is tried; None: not tried, the runner is no part of that caller


class Cell(NamedTuple):
    """One caller on one runner, which starts the sink's worker in one way."""

    caller: str
    runner: str
    environment: str

    def refusal(self) -> Optional[Refusal]:
        """Why Beam cannot run it; None for a cell that has to pass."""
        if self.runner != "direct":
            return None
        if self.caller == "java":
            return Refusal("Java's DirectRunner runs no transforms of other languages", None)
        if self.caller == "go":
            return Refusal(
                "Go's direct runner, which Prism replaces, runs none either", "not supported in the Go direct runner"
            )
        if self.environment == "PROCESS":
            return Refusal("Python's own runner has no PROCESS environment", "KeyError: 'beam:env:process:v1'")
        return None

    def __str__(self) -> str:
        return f"{self.caller}, {self.runner}, {self.environment}"


def cells(callers: List[str], runners: List[str]) -> Iterator[Cell]:
    for caller in callers:
        for runner in runners:
            for environment in ENVIRONMENTS:
                yield Cell(caller, runner, environment)
