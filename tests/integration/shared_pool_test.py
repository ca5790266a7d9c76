"""One worker pool for several jobs at once, whose keys have rights on different workspaces."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, Tuple

import pytest
from tecton_emulator import Emulator

from beam_tecton import local_service, native_binary

JOB = Path(__file__).with_name("pool_job.py")
JOB_SECONDS = 120.0
ROWS = 1000
REQUEST_MS = 10  # each job sends 100 requests one after another, so that the jobs overlap by a second

# A job's workspace and source, and the only key that may write there.
JOBS = {"prod": "user_events", "staging": "other_events"}
KEYS = {workspace: f"key-of-{workspace}" for workspace in JOBS}
VARIABLES = {workspace: f"BEAM_TECTON_TEST_{workspace.upper()}_KEY" for workspace in JOBS}


@pytest.fixture
def two_sources(emulator: Emulator, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator in which each key may write to one workspace, with one source, and has no role in the other."""
    source = emulator.config["stream_sources"]["user_events"]
    config = {
        "api_keys": {KEYS[workspace]: {"roles": {workspace: "editor"}} for workspace in JOBS},
        "workspaces": {workspace: {"live": True} for workspace in JOBS},
        "stream_sources": {name: {**source, "workspace": workspace} for workspace, name in JOBS.items()},
        "feature_views": {
            f"{name}_view": {"workspace": workspace, "source": name, "join_keys": ["user_id"]}
            for workspace, name in JOBS.items()
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with Emulator(tmp_path / "config.json", tmp_path / "emulator.log") as made:
        made.faults({"delay_ms": REQUEST_MS, "times": -1})
        yield made


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Tuple[str, int]]:
    """Address and process id of a pool on its own, in whose environment the two keys are."""
    with (tmp_path / "pool.log").open("wb") as log:
        process = subprocess.Popen(
            [native_binary.find_binary(), "worker-pool", "--port", "0", "--exit-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **{VARIABLES[workspace]: KEYS[workspace] for workspace in JOBS}},
        )
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().split()[-1], process.pid
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    for key in KEYS.values():
        assert key not in (tmp_path / "pool.log").read_text()


def references(how: str, folder: Path) -> Dict[str, str]:
    if how == "env":
        return {workspace: f"env:{VARIABLES[workspace]}" for workspace in JOBS}
    if how == "file":
        for workspace in JOBS:
            (folder / workspace).write_text(KEYS[workspace])
        return {workspace: f"file:{folder / workspace}" for workspace in JOBS}
    return KEYS


@pytest.mark.parametrize(
    ("runner", "how"),
    [("direct", "literal"), ("direct", "file"), ("prism", "env")],
    indirect=["runner"],
)
def test_two_jobs_with_different_keys_never_mix(runner, two_sources, pool, how, tmp_path):
    address, pid = pool
    keys = references(how, tmp_path)
    # The variables of a reference are the pool's: what the jobs have under their names is not looked at.
    environment = {**os.environ, **dict.fromkeys(VARIABLES.values(), "a-key-nobody-knows")}
    shared = [f"--rows={ROWS}", f"--pool={address}", f"--endpoint_url={two_sources.endpoint}", *runner.arguments]
    jobs = []
    for workspace, source in JOBS.items():
        own = [f"--api_key={keys[workspace]}", f"--workspace_name={workspace}", f"--stream_source_name={source}"]
        command = [sys.executable, str(JOB), *shared, *own]
        with (tmp_path / f"{workspace}.log").open("wb") as log:
            jobs.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment))
    most_workers = 0
    deadline = time.monotonic() + JOB_SECONDS
    while any(job.poll() is None for job in jobs) and time.monotonic() < deadline:
        most_workers = max(most_workers, len(local_service._children(pid)))
        time.sleep(0.02)
    for job, workspace in zip(jobs, JOBS, strict=True):
        job.kill()
        output, _ = job.communicate()
        assert job.returncode == 0, (tmp_path / f"{workspace}.log").read_text()[-2000:]
        assert output.split() == [str(ROWS)]
    assert most_workers == 2, "the jobs did not run at the same time"
    counters = two_sources.counters()
    assert set(counters["responses"]) == {"200"}, "a request had the other job's key, or none"
    assert {request["source"] for request in two_sources.requests()} == set(JOBS.values())
    assert counters["records_written"] == counters["distinct_keys"] == 2 * ROWS
