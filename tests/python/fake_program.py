"""Stand-ins for the native program."""

import os

# Serves nothing, but starts, says so, and ends as the native service does.
WELL_BEHAVED = """
print("listening on localhost:4711", flush=True)
sys.stdin.read()
"""


def alive(pid: int) -> bool:
    """Whether the process exists; a zombie does."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
