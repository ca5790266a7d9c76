"""The pipelines of `./run bench engines`, one a language: the command that makes rows and writes or drops them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, List, Optional

from bench_report import ROOT

PYTHON = Path(__file__).parent / "rows_pipeline.py"
GO = ROOT / "build" / "bin" / "gorows"
JAVA_CLASSES = ROOT / "build" / "java-bench"
JAVA_PATH = ROOT / "build" / "java-caller" / "classpath"  # of what the Java caller depends on


def java_classpath() -> Optional[str]:
    """What the Java programs of the benchmarks need; None where they are not built."""
    if not JAVA_PATH.is_file() or not JAVA_CLASSES.is_dir():
        return None
    return ":".join([str(JAVA_CLASSES), str(ROOT / "build" / "java-caller" / "classes"), JAVA_PATH.read_text().strip()])


def commands() -> Dict[str, List[str]]:
    """By language, those that are built."""
    found = {"Python": [sys.executable, str(PYTHON)]}
    if (classpath := java_classpath()) is not None:
        found["Java"] = ["java", "-Xmx1g", "-classpath", classpath, "RowsPipeline"]
    if GO.is_file():
        found["Go"] = [str(GO)]
    return found


def arguments(caller: str, rows: int, endpoint_url: Optional[str], expansion_service: str) -> List[str]:
    """What the pipeline is told, in the language's own spelling; without `endpoint_url` it drops its rows."""
    given = {"rows": str(rows)}
    if endpoint_url is not None:
        given.update(endpoint_url=endpoint_url, expansion_service=expansion_service)
    if caller == "Java":
        given = {_camel(name): value for name, value in given.items()}
    return [f"--{name}={value}" for name, value in given.items()]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
