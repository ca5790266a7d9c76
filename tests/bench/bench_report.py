"""What a benchmark found: a table for people, and a list of {name, value, unit, bar, met, against} for machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "bench"


class Figure(NamedTuple):
    """One line. `value` is None when it could not be had; then `why` says what stood in the way."""

    name: str
    value: Optional[float]
    unit: str
    bar: Optional[float] = None
    at_least: bool = False  # the bar is a floor, not a ceiling
    against: Mapping[str, float] = {}  # the same measure of others, or what the value was made from
    why: str = ""

    @property
    def met(self) -> bool:
        if self.value is None:
            return False
        if self.bar is None:
            return True
        return self.value >= self.bar if self.at_least else self.value <= self.bar


def print_table(figures: List[Figure], ours: str) -> None:
    """One line a figure; a column for `ours`, the bar, and one for each name in `against`."""
    peers: List[str] = []
    for figure in figures:
        peers += [peer for peer in figure.against if peer not in peers]
    name_width = max(40, *(len(f"{figure.name}, {figure.unit}") for figure in figures)) + 1
    widths = [max(len(peer) + 2, 15) for peer in peers]
    heads = "".join(f"{peer:>{width}}" for peer, width in zip(peers, widths, strict=True))
    print(f"\n{'':{name_width}}{ours:>13}{'bar':>14}  {'':7}{heads}".rstrip())
    for figure in figures:
        value = "not measured" if figure.value is None else f"{figure.value:,.3f}"
        bar = "" if figure.bar is None else f"{'>=' if figure.at_least else '<='} {figure.bar:,.2f}"
        cells = "".join(
            f"{figure.against[peer]:>{width},.3f}" if peer in figure.against else " " * width
            for peer, width in zip(peers, widths, strict=True)
        )
        verdict = "" if figure.met else "MISSED"
        print(f"{f'{figure.name}, {figure.unit}':{name_width}}{value:>13}{bar:>14}  {verdict:7}{cells}".rstrip())
        if figure.value is None:
            print(f"    not measured: {figure.why}")


def write_json(figures: List[Figure], path: Path) -> None:
    lines: List[Dict[str, Any]] = [
        {
            "name": figure.name,
            "value": None if figure.value is None else round(figure.value, 4),
            "unit": figure.unit,
            "bar": figure.bar,
            "met": figure.met,
            "against": {peer: round(value, 4) for peer, value in figure.against.items()},
        }
        for figure in figures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(lines, indent=1) + "\n")
    print(f"\nwritten to {path.relative_to(ROOT)}")
