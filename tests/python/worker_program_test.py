"""What is said of the native program where a runner will start it, before the pipeline runs."""

import logging

import pytest

from beam_tecton import BinaryNotFoundError, TectonStreamWriteConfig, worker_program

HERE = "/bin/sh"  # some program that is there
GONE = "/opt/nowhere/beam-tecton"


class Pipeline:
    """A pipeline as far as its runner's class is looked at."""

    def __init__(self, runner: str) -> None:
        self.runner = type(runner, (), {})()


@pytest.fixture
def said(caplog, monkeypatch):
    """What is said of a pipeline for this runner."""
    monkeypatch.setattr(worker_program, "_said", set())
    caplog.set_level(logging.WARNING, logger="beam_tecton")

    def check(runner: str, program: "str | None" = HERE, **options: str) -> str:
        caplog.clear()
        config = TectonStreamWriteConfig("i", "env:K", "w", "s", **options)
        worker_program.check(Pipeline(runner), config, program)
        return caplog.text

    return check


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner", "PortableRunner"])
def test_a_cluster_s_runner_gets_the_path_and_the_cure(said, runner):
    text = said(runner)
    for word in (runner, "/bin/", "error=2, No such file or directory", "worker_command"):
        assert word in text
    assert not said(runner), "once"
    assert GONE in said(runner, worker_command=GONE)
    assert GONE in said(runner, program=None, environment_type="process", environment_config=f"{GONE}2")


def test_nothing_is_said_where_no_process_is_started(said):
    assert not said("FlinkRunner", environment_type="EXTERNAL", environment_config="pool:50000")
    assert not said("FlinkRunner", environment_type="DOCKER", container_image="image:1")
    assert not said("DataflowRunner", container_image="image:1")
    assert not said("SwitchingDirectRunner")
    assert not said("PrismRunner")
    assert not said("FlinkRunner", program=None)


def test_prism_would_hang_so_it_is_refused_a_missing_program(said):
    for options in ({"worker_command": GONE}, {"environment_config": GONE}):
        with pytest.raises(BinaryNotFoundError, match=f"no program {GONE} on this machine.*worker_command"):
            said("PrismRunner", environment_type="PROCESS", **options)
    said("PrismRunner", environment_type="PROCESS", worker_command=HERE)
    said("PrismRunner", environment_type="PROCESS")
    said("PrismRunner", worker_command=GONE)  # it chooses the pool


def test_beam_s_own_runner_cannot_start_processes(said):
    text = said("SwitchingDirectRunner", environment_type="PROCESS")
    assert "beam:env:process:v1" in text
    assert "Leave environment_type out" in text
