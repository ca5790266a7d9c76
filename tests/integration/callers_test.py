"""The example pipelines in Go and Java on Prism: cells of `./run matrix`, which has all callers and engines."""

import shutil
import sys

import pytest
from tecton_emulator import ROOT, Emulator

sys.path.insert(0, str(ROOT / "tests" / "engines" / "matrix"))

from caller_command import GO_PROGRAM, JAVA_CLASSPATH, KEY_VARIABLE
from cell import ENVIRONMENTS, Cell
from expected_purchases import differences, purchase
from job_service import PRISM
from run_cell import run_cell

NEEDED = {
    "go": (GO_PROGRAM, "where Go 1.25 or newer is in PATH"),
    "java": (JAVA_CLASSPATH, "where a JDK 17 and Maven are in PATH"),
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("caller", NEEDED)
def test_the_example_pipeline_writes_what_it_sends_and_counts_it(
    caller, environment, emulator: Emulator, tmp_path, monkeypatch
):
    needed, where = NEEDED[caller]
    for program, built in ((needed, where), (PRISM, "unless it is given --fast")):
        if not program.is_file():
            pytest.skip(f"{program} is not there: ./run test builds it {built}")
    if caller == "java" and shutil.which("java") is None:
        pytest.skip("java is not in PATH")
    monkeypatch.setenv(KEY_VARIABLE, emulator.key_with_role("editor"))
    assert run_cell(Cell(caller, "prism", environment), emulator, tmp_path / "cell").problems == []


def test_the_comparison_names_each_field_and_row_that_differs():
    sent = [purchase(n) for n in range(3)]
    assert differences(sent, sent) == []
    one, two = {**sent[1], "paid": 0, "small": "1"}, {**sent[2], "user_id": "user-9"}
    assert differences([sent[0], one, two], sent) == [
        "user-1: paid was sent as False and is stored as 0",
        "user-1: small was sent as '-1' and is stored as '1'",
        "user-2 is not stored",
        "user-9 is stored and was not sent",
    ]
