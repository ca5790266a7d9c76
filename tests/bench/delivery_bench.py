"""What delivering rows to Tecton costs, and how it copes with a slow or limited server: `./run bench delivery`.

CPU is the process's own user and system time, as the kernel accounts it, medians of several rounds, with what it is
compared to measured in between, in the same run, against the same server: nginx with a canned answer for costs, the
emulator for behaviour. Trust ratios more than microseconds on a shared machine.

Writes build/bench/delivery.json: a list of {name, value, unit, bar, met, against}; a value that could not be
had is null.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path
from typing import Callable, Dict, Iterator, List

sys.path.insert(0, str(Path(__file__).parent))
import delivery_behaviour
import delivery_cost
from bench_report import FOLDER, Figure, print_table, write_json
from canned_server import CannedServer, Certificate


def groups(quick: bool) -> Dict[str, Callable[[], Iterator[Figure]]]:
    """What is measured together, by the name that --only takes."""

    def canned(measure: Callable[[CannedServer, Certificate, bool], Iterator[Figure]]) -> Iterator[Figure]:
        certificate = Certificate()
        with CannedServer(certificate) as server:
            yield from measure(server, certificate, quick)

    return {
        "engine": lambda: canned(delivery_cost.http_engine),
        "json": lambda: delivery_cost.json_record(quick),
        "rows": lambda: canned(delivery_cost.rows_to_requests),
        "slow": lambda: delivery_behaviour.cost_when_slow(quick),
        "little": lambda: delivery_behaviour.little(quick),
        "ramp": lambda: delivery_behaviour.ramp(quick),
        "limits": lambda: delivery_behaviour.hidden_limits(quick),
        "bundles": lambda: delivery_behaviour.small_bundles(quick),
        "outage": lambda: delivery_behaviour.outage(quick),
        "memory": lambda: delivery_behaviour.memory(quick),
    }


def measure(name: str, group: Callable[[], Iterator[Figure]]) -> List[Figure]:
    """All figures of a group, and when one fails those before it and one that says why."""
    figures: List[Figure] = []
    print(f"\n{name} ...", end="", flush=True)
    try:
        for figure in group():
            figures.append(figure)
    except Exception as problem:  # the other groups still count
        if "BENCH_VERBOSE" in os.environ:
            traceback.print_exc()
        why = f"{type(problem).__name__}: {problem}"
        figures.append(Figure(f"{name}, the rest of it", None, "-", why=why))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="less work and shorter waits: a look, not a figure to quote"
    )
    parser.add_argument("--only", action="append", choices=list(groups(False)), help="one group; may come again")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} cores")
    figures: List[Figure] = []
    for name, group in groups(arguments.quick).items():
        if arguments.only is None or name in arguments.only:
            found = measure(name, group)
            print_table(found, "C")
            figures += found
    bars = [figure.met for figure in figures if figure.bar is not None]
    print(f"\n{bars.count(True)} of {len(bars)} bars met")
    if arguments.only is None:
        write_json(figures, FOLDER / "delivery.json")


if __name__ == "__main__":
    main()
