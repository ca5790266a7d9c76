"""Where the native program is sought, and what is said when it is not there."""

from pathlib import Path

import pytest

from beam_tecton import native_binary


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv(native_binary.ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(native_binary, "_PACKAGE", tmp_path / "tree" / "python_wrapper" / "src" / "beam_tecton")
    (tmp_path / "tree").mkdir()


def _executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def _packaged(tmp_path: Path) -> Path:
    return tmp_path / "tree" / "python_wrapper" / "src" / "beam_tecton" / "bin" / "beam-tecton"


def _built(tmp_path: Path) -> Path:
    return tmp_path / "tree" / "bazel-bin" / "worker" / "beam-tecton"


def test_the_environment_variable_comes_first(tmp_path, monkeypatch):
    _executable(_packaged(tmp_path))
    named = _executable(tmp_path / "elsewhere" / "mine")
    monkeypatch.setenv(native_binary.ENVIRONMENT_VARIABLE, str(named))
    assert native_binary.find_binary() == str(named)


def test_the_package_comes_before_the_source_tree_and_path(tmp_path):
    (tmp_path / "tree" / "WORKSPACE").touch()
    _executable(_built(tmp_path))
    _executable(tmp_path / "path" / "beam-tecton")
    packaged = _executable(_packaged(tmp_path))
    assert native_binary.find_binary() == str(packaged)


def test_the_source_tree_comes_before_path(tmp_path):
    (tmp_path / "tree" / "WORKSPACE").touch()
    _executable(tmp_path / "path" / "beam-tecton")
    built = _executable(_built(tmp_path))
    assert native_binary.find_binary() == str(built)


def test_a_folder_that_is_no_source_tree_is_not_searched(tmp_path):
    _executable(_built(tmp_path))  # without a WORKSPACE file
    on_path = _executable(tmp_path / "path" / "beam-tecton")
    assert native_binary.find_binary() == str(on_path)


def test_a_missing_program_names_every_place_and_the_cure(tmp_path):
    (tmp_path / "tree" / "WORKSPACE").touch()
    with pytest.raises(native_binary.BinaryNotFoundError) as raised:
        native_binary.find_binary()
    text = str(raised.value)
    for place in ("BEAM_TECTON_BINARY", str(_packaged(tmp_path)), str(_built(tmp_path)), str(tmp_path / "path")):
        assert place in text
    assert "bazel build //worker:beam-tecton" in text


def test_a_wrong_environment_variable_is_not_passed_over(tmp_path, monkeypatch):
    _executable(_packaged(tmp_path))
    monkeypatch.setenv(native_binary.ENVIRONMENT_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(native_binary.BinaryNotFoundError, match=r"no file .*gone .*BEAM_TECTON_BINARY"):
        native_binary.find_binary()


def test_a_file_that_may_not_be_executed_gets_the_chmod_line(tmp_path):
    packaged = _executable(_packaged(tmp_path))
    packaged.chmod(0o644)
    with pytest.raises(native_binary.BinaryNotFoundError, match=f"Run: chmod \\+x {packaged}"):
        native_binary.find_binary()


def test_a_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(native_binary.ENVIRONMENT_VARIABLE, str(tmp_path))
    with pytest.raises(native_binary.BinaryNotFoundError, match="is not a file"):
        native_binary.find_binary()
