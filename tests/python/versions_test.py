"""Versions that do not fit are refused with both: of Beam, of the program, of an expansion service."""

import re
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_expansion_api_pb2

from beam_tecton import VersionError, WriteToTectonStream, __version__, local_service, native_binary, versions
from beam_tecton.write_to_tecton import IDENTIFIER

PYPROJECT = Path(__file__).parents[2] / "python_wrapper" / "pyproject.toml"


class DescribedService:
    """An expansion service as far as discovery sees it."""

    def __init__(self, description: str, identifier: str = IDENTIFIER) -> None:
        self.configs = {identifier: beam_expansion_api_pb2.SchemaTransformConfig(description=description)}

    def DiscoverSchemaTransform(self, request, timeout):
        return beam_expansion_api_pb2.DiscoverSchemaTransformResponse(schema_transform_configs=self.configs)

    def Expand(self, request):
        raise AssertionError("the key must not be sent to it")


@pytest.mark.parametrize("version", ["2.64.0", "2.9.0", "1.99.9", "2.64.0.dev20250101"])
def test_a_beam_that_is_too_old_is_refused_with_both_versions(version):
    with pytest.raises(VersionError, match=re.escape(version)) as raised:
        versions.check_beam(version)
    assert f"needs apache-beam {versions.OLDEST_BEAM} or newer" in str(raised.value)
    assert "pip install" in str(raised.value)


@pytest.mark.parametrize("version", [versions.OLDEST_BEAM, "2.77.0", "2.100.0", "3.0.0rc1"])
def test_newer_ones_are_taken(version):
    versions.check_beam(version)


def test_an_old_beam_is_refused_when_the_package_is_imported():
    script = "import apache_beam; apache_beam.__version__ = '2.50.0'; import beam_tecton"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "version 2.50.0 is installed" in ended.stderr


def test_pip_is_told_the_same_limit():
    assert f'dependencies = ["apache-beam>={versions.OLDEST_BEAM[:-2]}"]' in PYPROJECT.read_text()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("print('beam-tecton 9.8.7')", ["is version 9.8.7", f"version {__version__}"]),
        ("print('something else')", ["is not beam-tecton", "something else"]),
        ("sys.exit(3)", ["is not beam-tecton", "exit code 3"]),
    ],
)
def test_a_program_of_another_version_is_not_started(program, monkeypatch, body, words):
    path = program(body)
    monkeypatch.setenv(native_binary.ENVIRONMENT_VARIABLE, path)
    with pytest.raises(VersionError) as raised:
        local_service.shared_service()
    for word in [*words, path, native_binary.ENVIRONMENT_VARIABLE]:
        assert word in str(raised.value)


def test_a_program_that_says_nothing_is_given_up(program, monkeypatch):
    monkeypatch.setattr(versions, "PROGRAM_SECONDS", 0.3)
    with pytest.raises(VersionError, match=r"did not say its version within 0\.3 s"):
        versions.check_program(program("time.sleep(60)"))


def test_a_file_for_another_machine_is_named_with_the_cure(tmp_path):
    broken = tmp_path / "beam-tecton"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    with pytest.raises(VersionError, match=r"beam-tecton could not be started: Exec format error.*BEAM_TECTON_BINARY"):
        versions.check_program(str(broken))


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (DescribedService("Writes. Served by beam-tecton 9.8.7"), ["is version 9.8.7", f"version {__version__}"]),
        (DescribedService("Writes."), ["does not say its version", f"version {__version__}"]),
        (DescribedService("", "beam:other:v1"), ["is not that of beam-tecton", "beam:other:v1"]),
    ],
)
def test_a_service_of_another_version_is_refused(service, words):
    rows = beam.Pipeline() | beam.Create([beam.Row(user_id="u")])
    write = WriteToTectonStream(
        tecton_instance="i", api_key="env:K", workspace_name="w", stream_source_name="s", expansion_service=service
    )
    with pytest.raises(VersionError) as raised:
        rows | write
    for word in words:
        assert word in str(raised.value)
