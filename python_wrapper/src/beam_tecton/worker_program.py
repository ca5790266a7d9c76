"""Whether the machines that run a pipeline can have the native program, as far as that shows while it is built.

Runners that start the sink as a process say little when the program is not there: Flink and Spark give the user
"error=2, No such file or directory" without the path, and Prism hangs. So the path and the cure are said before.
"""

import logging
import os
from typing import Optional, Set

from apache_beam.pipeline import Pipeline

from beam_tecton import native_binary
from beam_tecton.write_config import TectonStreamWriteConfig

_LOGGER = logging.getLogger(__name__)

# Runs everything in this process and starts workers through a pool, never as processes.
_OWN_RUNNERS = ("DirectRunner", "SwitchingDirectRunner", "BundleBasedDirectRunner", "FnApiRunner")
_PRISM = "PrismRunner"  # runs on this machine
_CLUSTERS = ("FlinkRunner", "SparkRunner", "PortableRunner")

_said: Set[str] = set()


def check(pipeline: Pipeline, config: TectonStreamWriteConfig, program: Optional[str]) -> None:
    """Says where the pipeline's runner will look for the program, once for each path.

    Args:
      program: the one on this machine, which runs elsewhere by default; None when the expansion service is not here.

    Raises:
      BinaryNotFoundError: the program is not there, and the runner is on this machine.
    """
    kind = config.environment_type.upper()
    runner = type(pipeline.runner).__name__
    if kind not in ("DEFAULT", "PROCESS"):
        return
    named = config.worker_command or config.environment_config
    if runner in _OWN_RUNNERS:
        if kind == "PROCESS":
            _say(
                "environment_type PROCESS is given, but Beam's own runner starts no processes and will fail with "
                "KeyError: 'beam:env:process:v1'. Leave environment_type out, or use another runner."
            )
    elif runner == _PRISM:
        if kind == "PROCESS" and named and "/" in named and not os.access(named, os.X_OK):
            raise native_binary.BinaryNotFoundError(
                f"There is no program {named} on this machine, where Prism runs the worker. Correct worker_command, or "
                "leave it out to use the program of this package."
            )
    elif runner in _CLUSTERS and (named or program):
        _say(
            f"{runner} may start the sink as a process on its own machines, from "
            f"{named or os.path.realpath(str(program))}. On a machine without this file the job fails with "
            "'error=2, No such file or directory': install beam-tecton there at this path, or give the path it has "
            "there as worker_command."
        )


def _say(text: str) -> None:
    if text not in _said:
        _said.add(text)
        _LOGGER.warning("%s", text)
