"""What a container image of the worker has to do, as far as it shows without a container engine.

Beam's own runner calls `docker`; here that is a script which runs the image's entry point, the program under the name
`boot`, as a process: with the arguments that the runner gives a container, and with an empty environment.
"""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import List

import apache_beam as beam
import pytest
from pipelines import UserEvent, events, one_bundle, write
from tecton_emulator import ROOT

from beam_tecton import WriteToTectonStream, native_binary

DOCKERFILE = ROOT / "examples" / "container" / "Dockerfile"
IMAGE = "registry.example/beam-tecton:1"
END_SECONDS = 5.0

DOCKER = """\
#!/bin/sh
cd {folder}
case $1 in
pull) exit 1 ;; # the image is there already
run)
    while [ "$1" != {image} ]; do shift; done
    shift
    env -i {folder}/boot "$@" >log 2>&1 &
    echo $! >pid
    echo "$@" >arguments
    echo a-container
    ;;
inspect) if kill -0 "$(cat pid)" 2>/dev/null; then echo running; else echo exited; fi ;;
container) cat log ;;
kill) kill -KILL "$(cat pid)" ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a stand-in of docker that is found first; `boot` in it is the image's entry point."""
    (tmp_path / "boot").symlink_to(native_binary.find_binary())
    script = tmp_path / "docker"
    script.write_text(DOCKER.format(folder=tmp_path, image=IMAGE))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_program_called_boot_is_a_container_s_worker(direct, emulator, docker, tmp_path):
    (tmp_path / "key").write_text(emulator.key_with_role("editor"))
    options = {"environment_type": "DOCKER", "container_image": IMAGE, "api_key": f"file:{tmp_path / 'key'}"}
    assert write(direct, emulator, events(25), **options)["records_written"] == 25
    arguments = (docker / "arguments").read_text().split()
    assert [argument.split("=")[0] for argument in arguments] == [
        "--id", "--logging_endpoint", "--control_endpoint", "--artifact_endpoint", "--provision_endpoint"
    ]  # fmt: skip
    pid = int((docker / "pid").read_text())
    deadline = time.monotonic() + END_SECONDS
    while not has_ended(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert has_ended(pid)


@pytest.mark.usefixtures("docker")
def test_a_pool_as_a_container(tmp_path):
    """A sidecar of a TaskManager, say: the entry point with --worker_pool."""
    pool = subprocess.Popen(
        [str(tmp_path / "boot"), "--worker_pool", "--port=0", "--exit-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert pool.stdout is not None
    assert pool.stdin is not None
    assert re.fullmatch(r"listening on localhost:\d+\n", pool.stdout.readline())
    pool.stdin.close()
    assert pool.wait(timeout=END_SECONDS) == 0


def stage(number: int) -> str:
    return DOCKERFILE.read_text().split("\nFROM ")[number]


def installed(text: str) -> List[str]:
    (packages,) = re.findall(r"--no-install-recommends ([^&\n]+)", text.replace("\\\n", " "))
    return packages.split()


def test_the_image_has_the_libraries_that_the_program_needs():
    """By the packages of this machine, Debian 12 as the image is; what these need in turn comes with them."""
    header = subprocess.run(["objdump", "-p", native_binary.find_binary()], capture_output=True, text=True, check=True)
    needed = re.findall(r"NEEDED\s+(\S+)", header.stdout)
    assert "libgrpc.so.29" in needed
    for library in needed:
        owners = subprocess.run(["dpkg", "-S", f"*/{library}"], capture_output=True, text=True, check=True).stdout
        packages = {line.split(":")[0] for line in owners.splitlines()}
        assert packages & set(installed(stage(2))), f"{library} is in {packages}"


def test_the_image_is_built_from_what_run_installs():
    (line,) = re.findall(r"^BUILD_PACKAGES=\(\n((?:.|\n)*?)\)", (ROOT / "run").read_text(), re.MULTILINE)
    assert installed(stage(1)) == line.split()


def test_a_dataflow_pipeline_without_an_image_is_told_the_line_to_add():
    arguments = ["--runner=DataflowRunner", "--project=a-project", "--region=europe-west1"]
    arguments += ["--temp_location=gs://a-bucket/temp", "--staging_location=gs://a-bucket/staging"]
    pipeline = beam.Pipeline(argv=arguments)
    rows = one_bundle(pipeline, events(1), UserEvent)
    options = {
        "tecton_instance": "acme.tecton.ai",
        "api_key": "env:K",
        "workspace_name": "w",
        "stream_source_name": "s",
    }
    with pytest.raises(RuntimeError, match=r'write for example container_image="registry\.example/beam-tecton:1"$'):
        rows | "Without" >> WriteToTectonStream(**options)
    rows | "With" >> WriteToTectonStream(**options, container_image=IMAGE)
