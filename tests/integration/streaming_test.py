"""The short form of `./run streaming`: unbounded sources on Prism for 20 seconds."""

import contextlib
import sys
from pathlib import Path

import pytest
from conftest import PRISM
from tecton_emulator import CONFIGS, ROOT, Emulator

sys.path[:0] = [str(ROOT / "tests" / "engines" / "streaming"), str(ROOT / "examples" / "flights")]

from checks import allowance, problems_at_any_load, problems_of  # noqa: E402
from latency import latencies  # noqa: E402
from memory_folder import memory_folder  # noqa: E402
from row_trace import VARIABLE, RowTrace  # noqa: E402
from runners_under_test import prism  # noqa: E402
from trial import KEY_VARIABLE, Setting, run_trial  # noqa: E402

SECONDS = 20.0
TRIES = 3  # while the machine is busy


@pytest.mark.skipif(not PRISM.is_file(), reason=f"Prism is not built: {PRISM} is not there. ./run test builds it")
def test_rows_of_unbounded_sources_wait_for_nothing_but_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        memory = stack.enter_context(memory_folder())
        emulator = stack.enter_context(
            Emulator(CONFIGS / "streaming.json", tmp_path / "emulator.log", journal=memory / "journal")
        )
        runner = stack.enter_context(prism(tmp_path))
        trace = RowTrace(memory / "rows.csv")
        monkeypatch.setenv(VARIABLE, str(memory / "rows.csv"))
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
