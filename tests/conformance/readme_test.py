"""The documents against the code: the options table is the program's own, and every link leads somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "bazel-bin" / "worker" / "beam-tecton"
BEGIN, END = "<!-- options: begin -->", "<!-- options: end -->"
DOCUMENTS = sorted(
    path for path in ROOT.glob("**/*.md") if not {"build", "node_modules"} & set(path.relative_to(ROOT).parts)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")


def test_the_options_table_is_the_one_the_program_prints():
    """When it is not: paste the output of `bazel-bin/worker/beam-tecton options` between the two marks."""
    text = (ROOT / "README.md").read_text()
    table = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()
    printed = subprocess.run([PROGRAM, "options", "--format=markdown"], capture_output=True, text=True, check=True)
    assert table == printed.stdout.strip()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path):
    missing = [
        target
        for target in LINK.findall(document.read_text())
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert not missing


def test_every_source_file_of_the_data_path_is_linked_or_in_a_linked_folder():
    text = (ROOT / "README.md").read_text()
    linked = {(ROOT / target).resolve() for target in LINK.findall(text) if "://" not in target}
    folders = {path.parent for path in linked}
    unlinked = [
        str(folder.relative_to(ROOT))
        for folder in sorted({path.parent for top in ("sdk_harness", "worker") for path in (ROOT / top).rglob("*.c")})
        if folder not in folders and folder != ROOT / "sdk_harness" / "base"
    ]
    assert not unlinked


def test_every_metric_is_in_the_document_of_metrics_and_no_other():
    source = (ROOT / "worker" / "metrics" / "sink_metrics.c").read_text()
    counters = re.findall(r'\{&metrics->\w+, "([\w-]+)"\}', source)
    others = re.findall(r'beamc_metrics_(?:counter|distribution)\(registry, [^,]+, "([\w-]+)"\)', source)
    rows = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(counters + others)
    assert len(rows) > 15
