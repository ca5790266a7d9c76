"""Stand-ins for the native program."""

import os

from beam_tecton import __version__

# Says its version and ends when it is asked for it.
OF_THIS_VERSION = f"""
if sys.argv[1:] == ["version"]:
    print("beam-tecton {__version__}")
    sys.exit()
"""

# Serves nothing, but starts, says so, and ends as the native service does.
WELL_BEHAVED = f"""{OF_THIS_VERSION}
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
