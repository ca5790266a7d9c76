"""The API key is in nothing that a run produces: output, logs, errors, metrics, and, given by reference, protos."""

import base64
import json
import logging
import urllib.parse
from typing import Any, Iterator, List

import pytest
from pipelines import UserEvent, events, one_bundle, options_for
from tecton_emulator import Emulator

from beam_tecton import WriteToTectonStream, local_service

# Characters that base64 and percent-encoding change.
KEY = "k3y/with+odd&characters=%7e"
VARIABLE = "BEAM_TECTON_TEST_ODD_KEY"


def spellings(key: str) -> List[bytes]:
    """The key as it is, percent-encoded, and in base64 whatever stands before it."""
    found = [key, urllib.parse.quote(key), urllib.parse.quote(key, safe=""), urllib.parse.quote_plus(key)]
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + key.encode()).decode().rstrip("=")
            # The first and the last characters depend on what is around.
            found.append(text[4 if before else 0 : -2])
    return [one.encode() for one in found]


def check_absent(where: str, produced: bytes) -> None:
    for spelling in spellings(KEY):
        assert spelling not in produced, f"{spelling!r} is in {where}"


@pytest.fixture
def odd_emulator(emulator: Emulator, tmp_path: Any) -> Iterator[Emulator]:
    """An emulator that knows the key with odd characters."""
    config = {**emulator.config, "api_keys": {KEY: next(iter(emulator.config["api_keys"].values()))}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with Emulator(tmp_path / "config.json", tmp_path / "emulator.log") as odd:
        yield odd


def run_all(runner: Any, emulator: Emulator, api_key: str, **options: Any) -> List[str]:
    """A run's text: its result or error, and its metrics."""
    pipeline = runner.pipeline()
    rows = one_bundle(pipeline, events(30), UserEvent)
    write = WriteToTectonStream(**options_for(emulator, api_key=api_key, **options))
    produced = [repr(write), str(write.display_data()), repr(write._config)]
    rows | write
    try:
        result = pipeline.run()
        result.wait_until_finish()
        produced.append(str(result.metrics().query()))
    except Exception as error:
        produced += [str(error), repr(error)]
    return produced


@pytest.mark.filterwarnings("ignore::beam_tecton.LiteralApiKeyWarning")
@pytest.mark.parametrize("given", ["literal", "env", "file"])
@pytest.mark.parametrize("fault", [None, {"status": 401, "times": -1}, {"status": 503, "body": "html", "times": -1}])
def test_the_key_is_nowhere(runner, odd_emulator, given, fault, tmp_path, monkeypatch, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(VARIABLE, KEY)
    (tmp_path / "key").write_text(KEY + "\n")
    reference = {"literal": KEY, "env": f"env:{VARIABLE}", "file": f"file:{tmp_path / 'key'}"}[given]
    if fault is not None:
        odd_emulator.faults(fault)
    produced = run_all(runner, odd_emulator, reference, max_retries=1)
    assert odd_emulator.counters()["requests"] > 0, "the key was used"
    if fault is None:
        assert odd_emulator.counters()["records_written"] == 30, "and it is the right one"
    if given == "literal":
        # FnApiRunner and Prism log the pipeline at DEBUG, where a literal key must be: that is what the warning is for.
        logged = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    else:
        logged = [record.getMessage() for record in caplog.records]
    out, err = capfd.readouterr()
    for name, text in (("a result", produced), ("a log line", logged), ("output", [out, err])):
        for one in text:
            check_absent(name, one.encode())
    check_absent("the service's log", local_service.shared_service().last_lines().encode())


def test_a_reference_leaves_the_key_out_of_the_pipeline(direct, odd_emulator, monkeypatch):
    monkeypatch.setenv(VARIABLE, KEY)
    pipeline = direct.pipeline()
    rows = one_bundle(pipeline, events(3), UserEvent)
    rows | WriteToTectonStream(**options_for(odd_emulator, api_key=f"env:{VARIABLE}"))
    proto = pipeline.to_runner_api()
    assert VARIABLE in str(proto)
    check_absent("the pipeline's proto", proto.SerializeToString())


def test_the_memory_of_native_processes_is_in_no_core_dump():
    service = local_service.shared_service()
    with open(f"/proc/{service.pid}/coredump_filter") as filter_file:
        assert int(filter_file.read(), 16) == 0x10
