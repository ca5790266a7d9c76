"""What the wrapper's tests share: programs that stand in for the native one."""

import stat
import sys
import textwrap

import pytest
from fake_program import WELL_BEHAVED

from beam_tecton import local_service, native_binary, secrets


@pytest.fixture(autouse=True)
def _no_service_left():
    yield
    local_service.stop_all()


@pytest.fixture(autouse=True)
def _fresh_literal_warning(monkeypatch):
    monkeypatch.setattr(secrets, "_warned", False)


@pytest.fixture
def program(tmp_path):
    """Writes an executable Python program and returns its path."""

    def write(body: str, name: str = native_binary.NAME) -> str:
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\nimport os, signal, sys, time\n{textwrap.dedent(body)}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return write


@pytest.fixture
def fake_binary(program, monkeypatch):
    """A stand-in for the native program, found by its environment variable."""
    path = program(WELL_BEHAVED)
    monkeypatch.setenv(native_binary.ENVIRONMENT_VARIABLE, path)
    return path
