"""Start, share and end of the service process, with small programs in place of the native one."""

import logging
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from fake_program import OF_THIS_VERSION, WELL_BEHAVED, alive

from beam_tecton import local_service, native_binary
from beam_tecton.local_service import LocalService, ServiceError

WAIT_SECONDS = 10.0


def wait_for(condition) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_the_address_comes_from_the_line_on_standard_output(program):
    service = LocalService([program(WELL_BEHAVED)])
    assert service.address == "localhost:4711"
    assert service.running()
    service.stop()
    assert not alive(service.pid)


def test_lines_before_the_address_are_no_obstacle(program):
    service = LocalService([program('print("hello", flush=True)' + WELL_BEHAVED)])
    assert service.address == "localhost:4711"
    service.stop()


def test_a_program_that_ends_at_once_is_reported_with_its_last_lines(program):
    path = program("""
        for line in range(30):
            print(f"ERROR main.c:{line}: cannot bind", file=sys.stderr)
        sys.exit(3)
        """)
    with pytest.raises(ServiceError) as raised:
        LocalService([path])
    text = str(raised.value)
    assert "ended with exit code 3 before it said where it listens" in text
    assert "main.c:29: cannot bind" in text
    assert "main.c:9:" not in text  # only the last 20


def test_a_crash_is_reported_by_its_signal(program):
    with pytest.raises(ServiceError, match="was ended by SIGSEGV"):
        LocalService([program("os.kill(os.getpid(), signal.SIGSEGV)")])


def test_a_program_that_never_says_its_address_is_ended_in_time(program, tmp_path):
    path = program(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nsys.stdin.read()")
    with pytest.raises(ServiceError, match="did not say within 0.5 s where it listens"):
        LocalService([path], start_seconds=0.5)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_file_for_another_machine_is_named_with_the_cure(tmp_path):
    broken = tmp_path / "beam-tecton"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    with pytest.raises(ServiceError, match=r"beam-tecton could not be started: Exec format error.*BEAM_TECTON_BINARY"):
        LocalService([str(broken)])


def test_a_service_that_ignores_sigterm_is_killed_with_its_workers(program, monkeypatch, tmp_path):
    monkeypatch.setattr(local_service, "STOP_SECONDS", 0.3)
    path = program(f"""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        worker = os.fork()
        if worker == 0:
            time.sleep(60)
            os._exit(0)
        open({str(tmp_path / "worker")!r}, "w").write(str(worker))
        print("listening on localhost:4711", flush=True)
        time.sleep(60)
        """)
    service = LocalService([path])
    worker = int((tmp_path / "worker").read_text())
    assert service.workers() == [worker]
    service.stop()
    assert not alive(service.pid)
    # The orphan is reaped by init, or stays a zombie where there is none.
    assert wait_for(lambda: not alive(worker) or _is_zombie(worker))


def _is_zombie(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "Z"


def test_stop_closes_the_input_first(program, tmp_path):
    path = program(f"""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("listening on localhost:4711", flush=True)
        sys.stdin.read()
        open({str(tmp_path / "polite")!r}, "w").write("bye")
        """)
    LocalService([path]).stop()
    assert (tmp_path / "polite").read_text() == "bye"


def test_log_lines_are_forwarded_with_their_level(program, caplog):
    caplog.set_level(logging.DEBUG, logger="beam_tecton.service")
    path = program("""
        print("WARN pool.c:3: slow start", file=sys.stderr, flush=True)
        print("something else", file=sys.stderr, flush=True)
        print("listening on localhost:4711", flush=True)
        sys.stdin.read()
        """)
    service = LocalService([path])
    service.stop()
    assert ("beam_tecton.service", logging.WARNING, "WARN pool.c:3: slow start") in caplog.record_tuples
    assert ("beam_tecton.service", logging.INFO, "something else") in caplog.record_tuples


def test_an_end_while_in_use_is_noticed(program, caplog):
    path = program("""
        print("ERROR harness.c:1: out of memory", file=sys.stderr, flush=True)
        print("listening on localhost:4711", flush=True)
        sys.stdin.readline()
        """)
    service = LocalService([path])
    os.kill(service.pid, signal.SIGKILL)
    assert wait_for(lambda: "was ended by SIGKILL while it was in use" in caplog.text)
    assert "out of memory" in caplog.text
    assert not service.running()
    service.stop()


def test_one_service_is_shared_and_a_dead_one_replaced(fake_binary):
    first = local_service.shared_service()
    assert local_service.shared_service() is first
    os.kill(first.pid, signal.SIGKILL)
    assert wait_for(lambda: not first.running())
    second = local_service.shared_service()
    assert second is not first
    assert second.running()


def test_a_changed_secret_variable_gets_a_service_that_has_it(fake_binary, monkeypatch):
    monkeypatch.setenv("A_KEY", "one")
    first = local_service.shared_service("A_KEY")
    assert local_service.shared_service("A_KEY") is first
    monkeypatch.setenv("A_KEY", "two")
    second = local_service.shared_service("A_KEY")
    assert second is not first
    assert first.running(), "pipelines may still use the first one"
    assert local_service.shared_service("A_KEY") is second


def test_a_job_that_still_runs_at_the_end_is_warned_about(program, monkeypatch, caplog):
    monkeypatch.setattr(local_service, "WORKERS_END_SECONDS", 0.1)
    path = program(f"""{textwrap.indent(OF_THIS_VERSION, " " * 8)}
        import subprocess
        worker = subprocess.Popen(["sleep", "60"])
        signal.signal(signal.SIGTERM, lambda *_: None)
        print("listening on localhost:4711", flush=True)
        sys.stdin.read()
        worker.kill()
        worker.wait()
        """)
    monkeypatch.setenv(native_binary.ENVIRONMENT_VARIABLE, path)
    service = local_service.shared_service()
    assert wait_for(service.workers)
    local_service.stop_all()
    assert "environment_type='PROCESS'" in caplog.text
    assert not service.running()


def test_no_warning_when_no_worker_runs(fake_binary, caplog):
    local_service.shared_service()
    local_service.stop_all()
    assert caplog.text == ""


def _run_script(body: str, *, kill: bool = False) -> int:
    """Runs a program that uses the shared service and prints its pid; returns the pid after the program's end."""
    script = "import os, sys, time\nfrom beam_tecton import local_service\n" + textwrap.dedent(body)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        pid = int(child.stdout.readline())
        if kill:
            child.kill()
        child.wait(WAIT_SECONDS)
    return pid


def test_the_service_ends_with_the_interpreter(fake_binary):
    pid = _run_script("print(local_service.shared_service().pid, flush=True)")
    assert wait_for(lambda: not alive(pid))


def test_the_service_ends_when_the_program_is_killed(fake_binary):
    pid = _run_script("print(local_service.shared_service().pid, flush=True); time.sleep(60)", kill=True)
    assert wait_for(lambda: not alive(pid))


def test_a_forked_child_neither_ends_the_service_nor_keeps_it_alive(fake_binary, tmp_path):
    pid = _run_script(f"""
        service = local_service.shared_service()
        child = os.fork()
        if child == 0:
            os.open({str(tmp_path / "child")!r}, os.O_CREAT | os.O_WRONLY)
            time.sleep(30)
            os._exit(0)
        open({str(tmp_path / "child_pid")!r}, "w").write(str(child))
        print(service.pid, flush=True)
        assert service.running()
        """)
    child = int((tmp_path / "child_pid").read_text())
    try:
        assert wait_for(lambda: not alive(pid))
        assert alive(child)
    finally:
        os.kill(child, signal.SIGKILL)
