"""What must hold of a trial. Each function gives what does not, as sentences."""

from statistics import median
from typing import List, Tuple

from latency import Latencies, Percentiles, latencies
from streaming_rows import FLIGHTS_A_TICK, TICK_SECONDS
from trial import WINDOW_SECONDS, Measured

OURS_MS = 25.0  # at p99, of rows and of bundles
OURS_MEDIAN_MS = 15.0  # most rows wait for company at most: linger_ms is 10
# A plain client that is late by less than this at p99 tells of a quiet machine. On another one the sink may be late by
# as much as that client was; past the last number nothing can be told from the figures.
QUIET_MS = 5.0
TOO_BUSY_MS = 100.0
FIRES_WITHIN_SECONDS = 10.0
MEMORY_GROWTH = 1.05
MIN_MEMORY_SAMPLES = 30  # of one worker

ROWS_A_TICK = {"ticks": 1, "flights": FLIGHTS_A_TICK}


def problems_of(measured: Measured) -> List[str]:
    return [*tail_of_ours(latencies(measured)), *problems_at_any_load(measured)]


def problems_at_any_load(measured: Measured) -> List[str]:
    """All but the slowest rows, which on a busy machine tell of the machine."""
    return [
        *rows_add_up(measured),
        *median_of_ours(latencies(measured)),
        *written_in_their_windows(measured),
        *watermark_advances(measured),
        *memory_is_flat(measured),
    ]


def rows_add_up(measured: Measured) -> List[str]:
    counts = {
        "stored": len(measured.stored),
        "in the output `written`": sum(row.records for row in measured.outputs.written),
        "in windows that fired": sum(window.records for window in measured.outputs.fired),
        "in the worker's trace": len(measured.rows),
    }
    if len(set(counts.values())) == 1 and counts["stored"] > 0:
        return []
    return ["rows do not add up: " + ", ".join(f"{count} {where}" for where, count in counts.items())]


def allowance(found: Latencies) -> float:
    """What the machine itself is late by; nothing on a quiet one."""
    return found.machine.p99 if found.machine.p99 > QUIET_MS else 0.0


def parts_of_ours(found: Latencies) -> List[Tuple[str, Percentiles]]:
    return [("a row", found.ours), ("a bundle's end", found.bundle_end)]


def tail_of_ours(found: Latencies) -> List[str]:
    problems = []
    if found.machine.count == 0 or found.machine.p99 > TOO_BUSY_MS:
        problems.append(f"the machine is too busy to tell: a plain client is late by {found.machine.p99:.0f} ms at p99")
    for what, part in parts_of_ours(found):
        if part.p99 > OURS_MS + allowance(found):
            problems.append(
                f"{what} takes {part.p99:.1f} ms of ours at p99; {OURS_MS:.0f} ms are allowed, and "
                f"{allowance(found):.1f} ms that the machine is late by"
            )
    return problems


def median_of_ours(found: Latencies) -> List[str]:
    problems = []
    for what, part in parts_of_ours(found):
        if part.count == 0:
            problems.append(f"no figures of {what}")
        if part.p50 > OURS_MEDIAN_MS:
            problems.append(f"{what} takes {part.p50:.1f} ms of ours at the median; {OURS_MEDIAN_MS:.0f} are allowed")
    return problems


def written_in_their_windows(measured: Measured) -> List[str]:
    """Rows of `written` lie in the windows of their elements, and each whole window holds the rows of its impulses."""
    astray = [
        row
        for row in measured.outputs.written
        if not row.window_start <= row.first_event_time <= row.last_event_time == row.timestamp < row.window_end
    ]
    problems = [f"{len(astray)} rows of `written` are not in their windows, the first is {astray[0]}"] if astray else []
    for source, rows in ROWS_A_TICK.items():
        ends = sorted({row.window_end for row in measured.outputs.written if row.source == source})
        for end in ends[1:-1]:  # the first and the last window are cut by the run
            found = sum(
                row.records for row in measured.outputs.written if row.source == source and row.window_end == end
            )
            wanted = round(WINDOW_SECONDS / TICK_SECONDS) * rows
            if found != wanted:
                problems.append(f"the window of {source} that ends at {end:.0f} holds {found} rows instead of {wanted}")
    return problems


def watermark_advances(measured: Measured) -> List[str]:
    """Windows fire soon after their end while the sources go on, and not only when these have ended."""
    from_s, until_s = ((at_us + measured.wall_us) / 1e6 for at_us in measured.steady_us())
    # A window whose last rows are stored at the very end says nothing.
    due = [one for one in measured.outputs.fired if from_s <= one.window_end <= until_s - FIRES_WITHIN_SECONDS]
    late = [one for one in due if one.at > one.window_end + FIRES_WITHIN_SECONDS]
    if not due:
        return ["no window ends in the middle of the run"]
    if not late:
        return []
    worst = max(one.at - one.window_end for one in late)
    return [f"{len(late)} of {len(due)} windows fired later than {FIRES_WITHIN_SECONDS:.0f} s, at worst {worst:.1f} s"]


def memory_is_flat(measured: Measured) -> List[str]:
    """The last third of the samples against the first third, after the warm-up."""
    if not measured.resident_kib:
        return ["no worker was seen"]
    problems = []
    for pid, samples in measured.resident_kib.items():
        steady = samples[measured.num_warm_up_samples() :]
        third = len(steady) // 3
        if len(steady) < MIN_MEMORY_SAMPLES:
            continue
        first, last = median(steady[:third]), median(steady[-third:])
        if last > first * MEMORY_GROWTH:
            problems.append(
                f"worker {pid} grows: {first / 1024:.1f} MiB in the first third, {last / 1024:.1f} in the last"
            )
    return problems
