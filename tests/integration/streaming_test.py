"""The short form of `./run streaming`: unbounded sources on Prism for 20 seconds."""

import sys
from pathlib import Path

import pytest
from conftest import PRISM
from tecton_emulator import CONFIGS, ROOT, Emulator

sys.path[:0] = [str(ROOT / "tests" / "engines" / "streaming"), str(ROOT / "examples" / "flights")]

from checks import allowance, problems_at_any_load, problems_of  # noqa: E402
from latency import latencies  # noqa: E402
from row_trace import VARIABLE, RowTrace, memory_file  # noqa: E402
from runners_under_test import prism  # noqa: E402
from trial import KEY_VARIABLE, Setting, run_trial  # noqa: E402

SECONDS = 20.0
TRIES = 3  # while the machine is busy


@pytest.mark.skipif(not PRISM.is_file(), reason=f"Prism is not built: {PRISM} is not there. ./run test builds it")
def test_rows_of_unbounded_sources_wait_for_nothing_but_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulated = Emulator(CONFIGS / "streaming.json", tmp_path / "emulator.log")
    with memory_file() as rows, emulated as emulator, prism(tmp_path) as runner:
        trace = RowTrace(rows)
        monkeypatch.setenv(VARIABLE, str(rows))
        monkeypatch.setenv(KEY_VARIABLE, emulator.key_with_role("editor"))
        for _ in range(TRIES):
            measured = run_trial(runner, Setting("short", [], SECONDS, service_ms=60), emulator, trace, tmp_path)
            problems = problems_of(measured)
            if not problems or not allowance(latencies(measured)):
                break
            problems = problems_at_any_load(measured)  # `./run streaming` is stricter
            if problems:
                break
    assert problems == []
