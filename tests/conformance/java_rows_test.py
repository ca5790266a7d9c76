"""Rows encoded by the Java SDK's RowCoder against the native row coder and its records.

java_rows.jsonl is what the program in java/ wrote: in that folder,
`mvn -q compile exec:java -Dexec.args="1 25 6 ../java_rows.jsonl"` writes it again. Where Maven and a JDK are present,
fresh rows of a random seed are tried as well.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from row_program import RowLine, RowProgram, check_line, read_lines

HERE = Path(__file__).parent
PROJECT = HERE / "java"
FIXTURE = HERE / "java_rows.jsonl"
FRESH_SCHEMAS, FRESH_ROWS = 150, 20
SECONDS = 300.0  # Maven's first run fetches the Java SDK
SEED = int(os.environ.get("ROW_SEED", random.SystemRandom().getrandbits(32)))


@pytest.fixture(scope="module")
def program() -> Iterator[RowProgram]:
    with RowProgram() as running:
        yield running


@pytest.mark.parametrize("line", read_lines(FIXTURE), ids=lambda line: f"schema-{line['schema'][-8:]}")
def test_a_row_of_the_fixture(program: RowProgram, line: RowLine):
    check_line(program, line, padded=False)


def test_the_fixture_has_a_few_hundred_rows_and_every_case():
    lines = read_lines(FIXTURE)
    assert sum(len(line["rows"]) for line in lines) >= 300
    assert sum("refused" in line for line in lines) >= 4
    assert sum(line.get("other_form", False) for line in lines) == 1


def test_fresh_rows(program: RowProgram, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    maven, compiler = shutil.which("mvn"), shutil.which("javac")
    if maven is None or compiler is None:
        pytest.skip("no Maven, or no JDK: only the rows of the fixture are tried")
    fresh = tmp_path / "rows.jsonl"
    arguments = f"-Dexec.args={SEED} {FRESH_SCHEMAS} {FRESH_ROWS} {fresh}"
    try:
        run = subprocess.run(
            [maven, "-q", "-B", "compile", "exec:java", arguments],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"Maven took longer than {SECONDS:.0f} s: only the rows of the fixture are tried")
    if "Could not resolve" in run.stdout or "Could not transfer" in run.stdout:
        pytest.skip("Maven cannot fetch the Java SDK: only the rows of the fixture are tried")
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    lines = read_lines(fresh)
    for line in lines:
        check_line(program, line, padded=False)
    num_rows = sum(len(line["rows"]) for line in lines)
    with capsys.disabled():
        print(f"\n{num_rows} fresh rows of the Java SDK, ROW_SEED={SEED}")
    assert num_rows >= FRESH_SCHEMAS * FRESH_ROWS
