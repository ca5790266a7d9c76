"""The documents against the code: the options table is the program's own, and every link leads somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Dict

import pytest

from beam_tecton import versions as versions_module

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "bazel-bin" / "worker" / "beam-tecton"
BEGIN, END = "<!-- options: begin -->", "<!-- options: end -->"
VERSIONS_BEGIN, VERSIONS_END = "<!-- versions: begin -->", "<!-- versions: end -->"
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


def versions() -> Dict[str, str]:
    text = (ROOT / "README.md").read_text()
    table = text[text.index(VERSIONS_BEGIN) + len(VERSIONS_BEGIN) : text.index(VERSIONS_END)]
    return dict(re.findall(r"^\| (\w[^|]*?) \| (\d[^|]*?) \|$", table, re.MULTILINE))


def found(pattern: str, path: str) -> str:
    """The one version that a file says."""
    (version,) = re.findall(pattern, (ROOT / path).read_text(), re.MULTILINE)
    return version


def debian(package: str) -> str:
    """The version that a package of this machine is made of."""
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("-")[0]


def test_the_versions_are_those_that_the_tests_are_run_with():
    beam = found(r"^BEAM_VERSION=(\S+)$", "run")
    oldest = found(r"^OLDEST_BEAM_VERSION=(\S+)", "run")
    assert versions() == {
        "Beam Python": f"{beam}, and {oldest} by `./run versions`",
        "Beam Go": found(r"github.com/apache/beam/sdks/v2 v(\S+)$", "callers/go/go.mod"),
        "Beam Java": found(r"<beam.version>(.+)</beam.version>", "callers/java/pom.xml"),
        "Prism": beam,
        "Flink": found(r"^FLINK_PACKAGE=\"apache-flink-libraries==(.+)\"", "run"),
        "Beam's job server for Flink": found(
            r"beam-runners-flink-1.19</artifactId>\s+<version>(.+)</version>", "tests/engines/flink/pom.xml"
        ),
        "Spark": found(r"<spark.version>(.+)</spark.version>", "tests/engines/spark/pom.xml"),
        "Beam's job server for Spark": found(
            r"beam-runners-spark-3</artifactId>\s+<version>(.+)</version>", "tests/engines/spark/pom.xml"
        ),
        "Python": found(r"^ +(3\.\d+) \|.*\) ;;$", "run"),
        "JDK": found(r"^JAVA_PACKAGES=\(openjdk-(\d+)-", "run"),
        "Go": found(r"^go (\d+\.\d+)", "callers/go/go.mod"),
        "gRPC": debian("libgrpc-dev"),
        "libcurl": debian("libcurl4-openssl-dev"),
    }
    assert "prism@v$BEAM_VERSION" in (ROOT / "run").read_text()
    assert oldest == versions_module.OLDEST_BEAM


def test_what_the_documents_say_of_the_oldest_beam_is_so():
    short = versions_module.OLDEST_BEAM.removesuffix(".0")
    assert f"takes Beam {short} and newer" in (ROOT / "README.md").read_text()
    for document in ("docs/runners.md", "python_wrapper/README.md"):
        assert f"Beam older than {short}" in (ROOT / document).read_text()


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
