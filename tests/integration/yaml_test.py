"""Beam YAML pipelines, run by Beam's own command: both ways to make the transform known, and its messages."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest
from pipelines import KEY_VARIABLE, Runner
from tecton_emulator import ROOT, Emulator

from beam_tecton import local_service

pytest.importorskip("jinja2", reason="apache-beam[yaml] is not installed")

EXAMPLES = ROOT / "examples" / "yaml"
SECONDS = 120.0


def provider(*arguments: str) -> str:
    command = [sys.executable, "-m", "beam_tecton", "yaml-provider", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def run_yaml(path: Path, runner: Runner, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "apache_beam.yaml.main", f"--yaml_pipeline_file={path}", *arguments]
    return subprocess.run(
        [*command, *runner.arguments], capture_output=True, text=True, timeout=SECONDS, env=os.environ, check=False
    )


def variables(emulator: Emulator, **more: Any) -> str:
    given = {"file": str(EXAMPLES / "purchases.csv"), "instance": "acme.tecton.ai", "endpoint": emulator.endpoint}
    return "--jinja_variables=" + json.dumps({**given, "api_key": f"env:{KEY_VARIABLE}", **more})


def test_the_example_writes_a_csv_file(runner, emulator, tmp_path):
    given = variables(emulator, source="detailed_purchases", refused=str(tmp_path / "refused"))
    done = run_yaml(EXAMPLES / "purchases.yaml", runner, given)
    assert done.returncode == 0, done.stderr[-3000:]
    assert emulator.counters()["records_written"] == 4
    assert emulator.features("latest_purchase", {"user_id": "u-3"}) == {
        "user_id": "u-3",
        "amount": None,
        "items": "-1",
        "small": "-3",
        "paid": False,
        "tags": ["returned"],
        "labels": {"channel": "web"},
        "shop": {"city": "Köln", "lat": 50.9375},
        "event_time": "2026-11-22T09:15:02.250Z",
    }


def test_the_examples_provider_is_the_printed_one():
    assert "".join(f"  {line}\n" for line in provider().splitlines()) in (EXAMPLES / "purchases.yaml").read_text()


def write_pipeline(folder: Path, emulator: Emulator, providers: str, rows: List[str], **options: Any) -> Path:
    """A pipeline of YAML's own rows; refused ones go to a file."""
    config = {
        "endpoint_url": emulator.endpoint,
        "api_key": f"env:{KEY_VARIABLE}",
        "workspace_name": "prod",
        "stream_source_name": "purchases",
        "error_handling": {"output": "refused"},
        **options,
    }
    path = folder / "pipeline.yaml"
    path.write_text(
        "pipeline:\n  transforms:\n"
        f"    - {{type: Create, name: Rows, config: {{elements: [{', '.join(rows)}]}}}}\n"
        f"    - {{type: WriteToTectonStream, name: Write, input: Rows, config: {json.dumps(config)}}}\n"
        "    - type: MapToFields\n      name: Why\n      input: Write.refused\n"
        "      config: {language: python, fields: {user: failed_row.user_id, status: status, why: error_class}}\n"
        f"    - {{type: WriteToJson, name: File, input: Why, config: {{path: '{folder / 'refused'}'}}}}\n"
        "providers:\n" + "".join(f"  {line}\n" for line in providers.splitlines())
    )
    return path


GOOD = '{user_id: a, amount: 1.5, event_time: "2026-11-22T09:15:00Z"}'
BAD = '{user_id: b, amount: 2.5, event_time: "not a time"}'


@pytest.mark.parametrize("kind", ["python", "remote"])
def test_refused_rows_have_an_output_of_their_own(direct, emulator, tmp_path, kind):
    address = ("--address", local_service.shared_service().address) if kind == "remote" else ()
    path = write_pipeline(tmp_path, emulator, provider(*address), [GOOD, BAD])
    done = run_yaml(path, direct)
    assert done.returncode == 0, done.stderr[-3000:]
    refused = [json.loads(line) for file in tmp_path.glob("refused*") for line in file.read_text().splitlines()]
    assert refused == [{"user": "b", "status": 400, "why": "record_rejected"}]
    assert emulator.counters()["records_written"] == 1


@pytest.mark.parametrize("kind", ["python", "remote"])
def test_a_misspelt_option_is_refused_with_the_right_name(direct, emulator, tmp_path, kind):
    address = ("--address", local_service.shared_service().address) if kind == "remote" else ()
    path = write_pipeline(tmp_path, emulator, provider(*address), [GOOD], batch_sise=5)
    done = run_yaml(path, direct)
    assert done.returncode != 0
    assert "batch_sise" in done.stderr
    assert "batch_size" in done.stderr
    assert emulator.counters()["requests"] == 0
