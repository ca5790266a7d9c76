"""Memory of the native worker below a process, read from /proc while it runs."""

import re
from pathlib import Path
from typing import Dict, List

_PEAK = re.compile(rb"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_RESIDENT = re.compile(rb"^VmRSS:\s+(\d+) kB", re.MULTILINE)


class WorkerMemory:
    """Follows the `beam-tecton worker` processes that descend from a process.

    Args:
      pid: the process whose descendants are meant.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.peak_kib = 0  # of the largest worker seen; 0 when none was
        self.resident_kib: Dict[int, List[int]] = {}  # of each worker by its process id, one value a sample

    def sample(self) -> None:
        """Reads each worker's peak so far. The kernel keeps the peak, so only growth after the last call is missed."""
        for pid in _descendants(self._pid):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                status = Path(f"/proc/{pid}/status").read_bytes()
            except OSError:
                continue  # it ended meanwhile
            peak = _PEAK.search(status)
            if peak and command[0].endswith(b"beam-tecton") and _is_worker(command[1:2]):
                self.peak_kib = max(self.peak_kib, int(peak.group(1)))
                resident = _RESIDENT.search(status)
                self.resident_kib.setdefault(pid, []).append(int(resident.group(1)) if resident else 0)


def _is_worker(arguments: List[bytes]) -> bool:
    """A pool starts `beam-tecton worker`; a runner that starts it itself gives the arguments of Beam's containers."""
    return bool(arguments) and (arguments[0] == b"worker" or arguments[0].startswith(b"--id="))


def _descendants(pid: int) -> List[int]:
    children: Dict[int, List[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
