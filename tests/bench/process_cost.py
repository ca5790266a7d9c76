"""What another process has used, as the kernel accounts it."""

from __future__ import annotations

import time


def cpu_us(pid: int) -> float:
    """CPU time of a process and all its threads, user and system, microseconds. OSError when it has ended."""
    return time.clock_gettime(~pid << 3 | 2) * 1e6  # the kernel's clock id of another process


def rss_mib(pid: int, peak: bool = False) -> float:
    """Resident memory now, or the most there ever was, MiB. OSError or RuntimeError when the process has ended."""
    name = "VmHWM:" if peak else "VmRSS:"
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(name):
                return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def median_ratio(values: list[float], over: list[float]) -> float:
    """The median of the rounds' ratios: what ran side by side met the same disturbances."""
    return median([value / other for value, other in zip(values, over, strict=True)])
