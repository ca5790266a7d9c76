"""Streams rows to the emulator for minutes, on Prism and on Flink: `./run streaming`.

Shows for each setting how long rows take from their impulse to the store, and how much of that is the sink's; asserts
the latter, that memory stays flat, that the watermark advances and that `written` is in the right windows.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "examples" / "flights")]

from checks import allowance, problems_of  # noqa: E402
from latency import latencies  # noqa: E402
from memory_folder import memory_folder  # noqa: E402
from row_trace import VARIABLE, RowTrace  # noqa: E402
from runners_under_test import RUNNERS, RunnerUnderTest  # noqa: E402
from tecton_emulator import CONFIGS, Emulator  # noqa: E402
from trial import KEY_VARIABLE, Measured, Setting, TrialError, run_trial  # noqa: E402

FOLDER = ROOT / "build" / "streaming"
HEADER = """
{runner}, milliseconds at the median and at p99
  total    from a row's impulse to the store
  ours     from the worker's receiving it to its acknowledgement, without the service's time
  bundle   from the end of the bundle's input to the bundle's end, likewise
  machine  what a plain client was late by in the same seconds; above 5 the sink may be late by as much more
setting                                          rows   total     p99   ours    p99 bundle    p99  machine p99   MiB"""
TRIES = 3  # of a setting, while the machine is busy

# What decides how long a runner keeps rows: each setting alone, and what goes well together.
OTHER_SETTINGS: Dict[str, List[Setting]] = {
    "prism": [
        Setting("data_buffer_time_limit_ms=50", ["--experiments=data_buffer_time_limit_ms=50"], 30),
        Setting("defaults, service takes 60 ms", [], 30, service_ms=60),
    ],
    "flink": [
        Setting("max_bundle_time_mills=100", ["--max_bundle_time_mills=100"], 45),
        Setting("max_bundle_size=1", ["--max_bundle_size=1"], 45),
        Setting("data_buffer_time_limit_ms=50", ["--experiments=data_buffer_time_limit_ms=50"], 45),
        Setting("max_bundle_time_mills=100, service takes 60 ms", ["--max_bundle_time_mills=100"], 45, service_ms=60),
    ],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", choices=[*RUNNERS, "both"], default="both")
    parser.add_argument("--seconds", type=float, default=120, help="of the run with the defaults")
    parser.add_argument("--only_defaults", action="store_true", help="leave the other settings out")
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    failed = False
    with contextlib.ExitStack() as stack:
        memory = stack.enter_context(memory_folder())
        emulator = stack.enter_context(
            Emulator(CONFIGS / "streaming.json", FOLDER / "emulator.log", journal=memory / "journal")
        )
        trace = RowTrace(memory / "rows.csv")
        os.environ[VARIABLE] = str(memory / "rows.csv")
        os.environ[KEY_VARIABLE] = emulator.key_with_role("editor")
        for name in RUNNERS if given.runner == "both" else [given.runner]:
            settings = [Setting("defaults", [], given.seconds)]
            settings += [] if given.only_defaults else OTHER_SETTINGS[name]
            with RUNNERS[name](FOLDER) as runner:
                failed = run_settings(runner, settings, emulator, trace) or failed
    print("\nThe run FAILED." if failed else "\nAll that must hold holds.")
    return 1 if failed else 0


def run_settings(runner: RunnerUnderTest, settings: List[Setting], emulator: Emulator, trace: RowTrace) -> bool:
    """Prints a line for each setting; true when something that must hold does not."""
    print(HEADER.format(runner=runner.name), flush=True)
    results = [passes(runner, setting, emulator, trace) for setting in settings]
    return not all(results)


def passes(runner: RunnerUnderTest, setting: Setting, emulator: Emulator, trace: RowTrace) -> bool:
    """Prints a line, and below it what does not hold; what fails on a busy machine is tried again."""
    for _ in range(TRIES):
        try:
            measured = run_trial(runner, setting, emulator, trace, FOLDER)
        except TrialError as error:
            print(f"{setting.name:<46} FAILED: {error}", flush=True)
            return False
        problems = problems_of(measured)
        print("\n    FAILED: ".join([line_of(measured), *problems]), flush=True)
        if not problems or not allowance(latencies(measured)):
            return not problems
    return False


def line_of(measured: Measured) -> str:
    found = latencies(measured)
    parts = [f"{measured.setting.name:<46} {len(measured.stored):>6}"]
    parts += [f"{found.total.p50:>7.0f} {found.total.p99:>7.0f}"]
    parts += [f"{part.p50:>6.1f} {part.p99:>6.1f}" for part in (found.ours, found.bundle_end)]
    parts += [f"{found.machine.p99:>12.1f}"]
    parts += [f"{max((max(values) for values in measured.resident_kib.values()), default=0) / 1024:>5.1f}"]
    return " ".join(parts) + ("  busy" if allowance(found) else "")


if __name__ == "__main__":
    sys.exit(main())
