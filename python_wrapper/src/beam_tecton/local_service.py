"""The native expansion service on this machine, started once and shared by all pipelines of the process.

The service also is the pool that starts workers for local runners, so it has to live as long as the pipelines do: until
the interpreter ends, or this process dies in any other way (the service ends when its standard input closes).
"""

import atexit
import collections
import contextlib
import logging
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Deque, List, Optional, Sequence

from beam_tecton import native_binary, versions

_LOGGER = logging.getLogger(__name__)
_OUTPUT = logging.getLogger("beam_tecton.service")

START_SECONDS = 30.0  # from start to the line that names the port; it takes a few milliseconds
STOP_SECONDS = 10.0  # the polite part of an end; the service gives bundles that run 8 s of it
WORKERS_END_SECONDS = 2.0  # workers of a pipeline that is over end by themselves within milliseconds
READERS_END_SECONDS = 1.0  # for what it wrote last; its pipes close with its last worker
LAST_LINES = 20  # lines of its log quoted in errors

_READY = re.compile(r"listening on (localhost:\d+)\s*$")
_LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}


class ServiceError(RuntimeError):
    """The native expansion service could not be started, or has ended; the message quotes its last log lines."""


class LocalService:
    """One running service process.

    Args:
      command: the program and its arguments.
      start_seconds: how long to wait for the line that names the port.

    Raises:
      ServiceError: it could not be started, ended at once, or did not say in time where it listens.
    """

    def __init__(self, command: Sequence[str], start_seconds: float = START_SECONDS) -> None:
        self.command = list(command)
        self.environment = dict(os.environ)  # what references such as env:NAME will be resolved against
        self._last_lines: Deque[str] = collections.deque(maxlen=LAST_LINES)
        self._address: Optional[str] = None
        self._ready = threading.Event()  # also set when the output ended without an address
        self._stopping = False
        try:
            # A session of its own: Ctrl-C goes to the Python program, which ends the pipeline first.
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                text=True,
                encoding="utf-8",
                errors="backslashreplace",
            )
        except OSError as error:
            raise ServiceError(
                f"{self.command[0]} could not be started: {error.strerror or error}. If the file is damaged or built "
                f"for another machine, reinstall beam-tecton or set {native_binary.ENVIRONMENT_VARIABLE} to a working "
                "program."
            ) from error
        self._log_reader = threading.Thread(target=self._read_log, name="beam-tecton-log", daemon=True)
        self._log_reader.start()
        self._output_reader = threading.Thread(target=self._read_output, name="beam-tecton-output", daemon=True)
        self._output_reader.start()
        self._wait_until_ready(start_seconds)

    @property
    def address(self) -> str:
        """host:port of the expansion service."""
        assert self._address is not None
        return self._address

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return not self._stopping and self._process.poll() is None

    def last_lines(self) -> str:
        """The end of its log, for error messages."""
        return "\n".join(f"  {line}" for line in self._last_lines) or "  (it logged nothing)"

    def stop(self) -> None:
        """Ends the service and its workers: by closing its input and SIGTERM, after STOP_SECONDS by SIGKILL."""
        self._stopping = True
        process = self._process
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _LOGGER.warning("The beam-tecton service did not end within %g s and is killed.", STOP_SECONDS)
                os.killpg(process.pid, signal.SIGKILL)  # with the workers, which are in its group
                process.wait()
        self._output_reader.join(READERS_END_SECONDS)
        self._log_reader.join(READERS_END_SECONDS)

    def workers(self) -> List[int]:
        """Process ids of the workers it runs now; empty where the system has no /proc."""
        return _children(self.pid)

    def forget_in_forked_child(self) -> None:
        """Closes this process's copy of the service's input, so that only the parent keeps the service alive."""
        self._stopping = True
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _wait_until_ready(self, start_seconds: float) -> None:
        if self._ready.wait(start_seconds) and self._address is not None:
            return
        ended = self._ready.is_set()
        if ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        code = self._process.poll()
        self.stop()
        if ended:
            how = "closed its output" if code is None else _describe_exit(code)
            what = f"{self.command[0]} {how} before it said where it listens."
        else:
            what = f"{self.command[0]} did not say within {start_seconds:g} s where it listens."
        raise ServiceError(f"The beam-tecton service could not be started: {what} Its last lines:\n{self.last_lines()}")

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match = _READY.match(line)
            if match and self._address is None:
                self._address = match.group(1)
                self._ready.set()
            else:
                _OUTPUT.info("%s", line.rstrip())
        was_ready = self._address is not None
        self._ready.set()
        if not was_ready or self._stopping:
            return
        code = self._process.wait()
        if not self._stopping:
            self._log_reader.join(READERS_END_SECONDS)
            _LOGGER.error(
                "The beam-tecton service %s while it was in use; pipelines that need its workers may fail. Its "
                "last lines:\n%s",
                _describe_exit(code),
                self.last_lines(),
            )

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.rstrip()
            self._last_lines.append(text)
            _OUTPUT.log(_LEVELS.get(text.split(" ", 1)[0], logging.INFO), "%s", text)


_lock = threading.Lock()
_services: List[LocalService] = []
_registered_hooks = False


def shared_service(variable: str = "") -> LocalService:
    """The process's service, started now if there is none.

    Args:
      variable: name of an environment variable that the worker will read. The service hands on the environment it was
        started with, so if the variable has changed since, a second service is started and the first one kept for the
        pipelines that use it.

    Raises:
      BinaryNotFoundError, VersionError, ServiceError
    """
    global _registered_hooks
    with _lock:
        binary = native_binary.find_binary()
        for service in _services:
            same_secret = not variable or service.environment.get(variable) == os.environ.get(variable)
            if service.command[0] == binary and service.running() and same_secret:
                return service
        versions.check_program(binary)
        service = LocalService([binary, "expansion-service", "--port", "0", "--exit-with-stdin"])
        _services.append(service)
        if not _registered_hooks:
            _registered_hooks = True
            atexit.register(stop_all)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_forget_after_fork)
        return service


def stop_all() -> None:
    """Ends every service of the process. Runs by itself when the interpreter ends; a later use starts a new one."""
    with _lock:
        services, _services[:] = list(_services), []
    for service in services:
        _warn_of_running_workers(service)
        service.stop()


def _warn_of_running_workers(service: LocalService) -> None:
    deadline = time.monotonic() + WORKERS_END_SECONDS
    while service.running() and service.workers():
        if time.monotonic() > deadline:
            _LOGGER.warning(
                "This program ends while a job still runs on the workers it provides (%d of them), so that job will "
                "fail. Wait for the job (pipeline.run().wait_until_finish()), or have the runner start the workers "
                "itself: environment_type='PROCESS'.",
                len(service.workers()),
            )
            return
        time.sleep(0.02)


def _forget_after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it
    for service in _services:
        service.forget_in_forked_child()
    _services.clear()


def _describe_exit(code: int) -> str:
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended with exit code {code}"


def _children(pid: int) -> List[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # pid (name) state ppid ...; the name may hold anything, also parentheses.
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if len(fields) > 1 and fields[1] == str(pid) and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
