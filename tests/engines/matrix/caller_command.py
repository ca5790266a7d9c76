"""The command with which a user of each language runs its example pipeline on each runner."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "engines"))

from cell import Cell  # noqa: E402
from job_service import PRISM, submit_arguments  # noqa: E402

GO_PROGRAM = ROOT / "build" / "bin" / "purchases"
JAVA_CLASSES = ROOT / "build" / "java-caller" / "classes"
JAVA_CLASSPATH = ROOT / "build" / "java-caller" / "classpath"  # written by Maven
WORKSPACE, SOURCE, KEY_VARIABLE = "prod", "detailed_purchases", "TECTON_API_KEY"


class Task(NamedTuple):
    """What a caller is to write, and where."""

    cell: Cell
    endpoint_url: str
    count: int
    broken: int
    job_endpoint: Optional[str]  # of the runner, for callers that do not start it
    worker_pool: Optional[str]  # one that runs by itself; None for that of the caller's expansion service
    folder: Path  # for files

    @property
    def no_negative_int32(self) -> bool:
        """Go writes a negative int32 in ten bytes, and Beam's Flink runner, which decodes rows itself, reads five."""
        return self.cell.caller == "go" and self.cell.runner == "flink"


def needs_job_endpoint(cell: Cell) -> bool:
    return cell.runner == "flink" or (cell.caller, cell.runner) == ("java", "prism")


def command(task: Task) -> List[str]:
    return {"python": _python, "yaml": _yaml, "go": _go, "java": _java}[task.cell.caller](task)


def _python(task: Task) -> List[str]:
    program = ROOT / "examples" / "purchases" / "purchases.py"
    return [sys.executable, str(program), *_flags(_settings(task)), *_python_runner(task)]


def _yaml(task: Task) -> List[str]:
    variables = {
        "file": str(task.folder / "purchases.csv"),
        "refused": str(task.folder / "refused"),
        "instance": "acme.tecton.ai",  # endpoint goes before it
        "endpoint": task.endpoint_url,
        "source": SOURCE,
        "environment_type": task.cell.environment,
    }
    if task.worker_pool is not None:
        variables["environment_config"] = task.worker_pool
    return [
        sys.executable,
        str(Path(__file__).with_name("yaml_with_counters.py")),
        f"--yaml_pipeline_file={ROOT / 'examples' / 'yaml' / 'purchases.yaml'}",
        f"--jinja_variables={json.dumps(variables)}",
        *_python_runner(task),
    ]


def _python_runner(task: Task) -> List[str]:
    if task.cell.runner == "direct":
        return []
    if task.cell.runner == "prism":
        return ["--runner=PrismRunner", f"--prism_location={PRISM}"]
    return submit_arguments(str(task.job_endpoint))["Python"]


def _go(task: Task) -> List[str]:
    runner = [f"--runner={task.cell.runner}"]  # inside the program
    if task.job_endpoint is not None:
        runner = submit_arguments(task.job_endpoint)["Go"]
    more = ["--no_negative_int32"] if task.no_negative_int32 else []
    return [str(GO_PROGRAM), *_flags(_settings(task)), *more, *runner]


def _java(task: Task) -> List[str]:
    classpath = f"{JAVA_CLASSES}:{JAVA_CLASSPATH.read_text().strip()}"
    settings = {_camel_case(name): value for name, value in _settings(task).items()}
    runner = submit_arguments(str(task.job_endpoint))["Java"]
    return ["java", "-Xmx512m", "-cp", classpath, "beamtecton.examples.Purchases", *_flags(settings), *runner]


def _settings(task: Task) -> Dict[str, str]:
    """The arguments that the three programs have in common."""
    settings = {
        "endpoint_url": task.endpoint_url,
        "workspace_name": WORKSPACE,
        "stream_source_name": SOURCE,
        "count": str(task.count),
        "broken": str(task.broken),
        "sink_environment_type": task.cell.environment,
    }
    if task.worker_pool is not None:
        settings["sink_environment_config"] = task.worker_pool
    return settings


def _flags(settings: Dict[str, str]) -> List[str]:
    return [f"--{name}={value}" for name, value in settings.items()]


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
