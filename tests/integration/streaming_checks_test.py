"""The checks of `./run streaming` pass on a good run and fail on each kind of bad one."""

import sys
from pathlib import Path
from typing import Any, List

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(ROOT / part) for part in ("tests/engines/streaming", "tests/integration", "examples/flights", "tests/bench")
]

from checks import problems_of  # noqa: E402
from machine_probe import Exchange  # noqa: E402
from observations import Fired, Observations, Written  # noqa: E402
from row_trace import Stay  # noqa: E402
from stored_rows import Stored  # noqa: E402
from streaming_rows import FLIGHTS_A_TICK, TICK_SECONDS  # noqa: E402
from trial import WINDOW_SECONDS, Measured, Setting  # noqa: E402

SECONDS = 60
WALL_US = 1_000_000_000_000_000
SERVICE_MS = 60


def good() -> Measured:
    """A run in which each impulse's rows take 10 ms of ours, and the machine is quiet."""
    stored: List[Stored] = []
    rows: List[Stay] = []
    bundles: List[Stay] = []
    outputs = Observations([], [])
    for tick in range(round(SECONDS / TICK_SECONDS)):
        due_us = round(tick * TICK_SECONDS * 1e6)
        ended_us = due_us + 1000 + SERVICE_MS * 1000 + 10_000
        due = (due_us + WALL_US) / 1e6
        start = due // WINDOW_SECONDS * WINDOW_SECONDS
        for source, records in (("ticks", 1), ("flights", FLIGHTS_A_TICK)):
            stored += [Stored(due_us, ended_us)] * records
            rows += [Stay(due_us + 1000, ended_us)] * records
            bundles.append(Stay(due_us + 1000, ended_us))
            outputs.written.append(Written(source, records, SERVICE_MS, due, due, due, start, start + WINDOW_SECONDS))
    for source in ("ticks", "flights"):
        for start in sorted({row.window_start for row in outputs.written}):
            records = sum(row.records for row in outputs.written if (row.source, row.window_start) == (source, start))
            outputs.fired.append(Fired(source, records, start, start + WINDOW_SECONDS, start + WINDOW_SECONDS + 0.1))
    machine = [Exchange(at * 50_000, 500) for at in range(SECONDS * 20)]
    setting = Setting("good", [], SECONDS, SERVICE_MS)
    return Measured(setting, stored, rows, bundles, outputs, machine, {7: [20_000] * SECONDS * 2}, 5.0, WALL_US)


def found(**changed: Any) -> str:
    return "\n".join(problems_of(good()._replace(**changed)))


def later(stays: List[Stay], share: float, by_us: int) -> List[Stay]:
    """The same, with the last part of them taking longer."""
    first = round(len(stays) * (1 - share))
    return stays[:first] + [one._replace(ended_us=one.ended_us + by_us) for one in stays[first:]]


def test_a_good_run_passes() -> None:
    assert found() == ""


def test_a_lost_row_is_found() -> None:
    assert "6599 stored, 6600 in the output" in found(stored=good().stored[1:])
    assert "holds 499 rows instead of 500" in found(
        outputs=good().outputs._replace(
            written=[
                row._replace(records=9) if (row.source, index) == ("flights", 201) else row
                for index, row in enumerate(good().outputs.written)
            ]
        )
    )


@pytest.mark.parametrize("part", ["rows", "bundles"])
def test_time_of_ours_is_bounded_at_p99_and_at_the_median(part: str) -> None:
    stays = getattr(good(), part)
    assert "26.0 ms of ours at p99" in found(**{part: later(stays, 0.02, 16_000)})
    assert found(**{part: later(stays, 0.005, 16_000)}) == ""
    assert "16.0 ms of ours at the median" in found(**{part: later(stays, 1.0, 6_000)})


def test_a_busy_machine_is_allowed_for_by_what_it_is_late_by() -> None:
    slow = later(good().rows, 0.02, 35_000)
    busy = [one._replace(excess_us=20_000) for one in good().machine]
    assert "45.0 ms of ours at p99" in found(rows=slow)
    assert found(rows=later(good().rows, 0.02, 34_000), machine=busy) == ""
    assert "45.1 ms of ours at p99" in found(rows=later(good().rows, 0.02, 35_100), machine=busy)
    assert "too busy to tell" in found(machine=[one._replace(excess_us=101_000) for one in good().machine])
    assert "too busy to tell" in found(machine=[])


@pytest.mark.parametrize("change", [{"first_event_time": 0.0}, {"last_event_time": 2e9}, {"timestamp": 1e9 + 7.77}])
def test_rows_outside_their_window_are_found(change: Any) -> None:
    written = good().outputs.written
    outputs = good().outputs._replace(written=[*written[:40], written[40]._replace(**change), *written[41:]])
    assert "1 rows of `written` are not in their windows" in found(outputs=outputs)


def test_windows_that_fire_only_at_the_end_are_found() -> None:
    end = 1e9 + SECONDS
    fired = [window._replace(at=end) for window in good().outputs.fired]
    assert "windows fired later than 10 s" in found(outputs=good().outputs._replace(fired=fired))
    assert "no window ends in the middle" in found(outputs=good().outputs._replace(fired=[]))


def test_memory_that_grows_is_found() -> None:
    assert "worker 7 grows" in found(resident_kib={7: [20_000 + 20 * at for at in range(SECONDS * 2)]})
    assert "no worker was seen" in found(resident_kib={})
