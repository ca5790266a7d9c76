"""A real Flink cluster on this machine: a JobManager, two TaskManagers and Beam's job server, each a process.

Flink comes as the jars of the PyPI package apache-flink-libraries, the job server from Maven (pom.xml beside this
file); `./run flink` fetches both into build/flink. All listen on 127.0.0.1 only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

ROOT = Path(__file__).resolve().parents[3]
FLINK = ROOT / "build" / "flink"
NUM_TASK_MANAGERS = 2
SLOTS = 2  # of each

START_SECONDS = 120.0
CALL_SECONDS = 10.0

# What Flink's own scripts open for Java 17, as far as a session cluster and Beam's jobs need it.
OPENS = [
    "java.base/java.util",
    "java.base/java.lang",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/java.time",
    "java.base/java.text",
    "java.base/java.lang.reflect",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
    "java.base/sun.nio.ch",
    "java.base/java.lang.invoke",
]
# A bundle that fails is run again only where a restart strategy says so; in batch jobs only the cluster's own counts.
CONFIG = """\
jobmanager.rpc.address: 127.0.0.1
jobmanager.bind-host: 127.0.0.1
jobmanager.rpc.port: {rpc}
jobmanager.memory.process.size: 1024m
taskmanager.bind-host: 127.0.0.1
taskmanager.host: 127.0.0.1
taskmanager.numberOfTaskSlots: {slots}
taskmanager.memory.process.size: 1280m
taskmanager.memory.network.fraction: 0.05
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest}
blob.server.port: "0"
parallelism.default: 4
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 5
restart-strategy.fixed-delay.delay: 500ms
heartbeat.timeout: 10000
heartbeat.interval: 2000
io.tmp.dirs: {tmp}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Cluster:
    """The processes of one cluster. Ends them all with `stop`, or as a context."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "conf").mkdir(parents=True)
        (folder / "tmp").mkdir()
        self.rest_port = free_port()
        self._processes: Dict[str, subprocess.Popen] = {}
        config = CONFIG.format(rpc=free_port(), rest=self.rest_port, slots=SLOTS, tmp=folder / "tmp")
        (folder / "conf" / "config.yaml").write_text(config)
        (folder / "conf" / "log4j.properties").write_text(
            "rootLogger.level = INFO\nrootLogger.appenderRef.out.ref = Out\n"
            "appender.out.name = Out\nappender.out.type = CONSOLE\nappender.out.layout.type = PatternLayout\n"
            "appender.out.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n\n"
        )

    def start(self) -> None:
        self._start_jvm("jobmanager", "GET_JM_RESOURCE_PARAMS", [
            "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
            "--configDir", str(self.folder / "conf"), "--executionMode", "cluster",
        ])  # fmt: skip
        for number in range(1, NUM_TASK_MANAGERS + 1):
            self.start_task_manager(number)
        self._await(lambda: len(self.rest("/taskmanagers")["taskmanagers"]) == NUM_TASK_MANAGERS, "TaskManagers")

    def start_task_manager(self, number: int) -> None:
        self._start_jvm(
            f"taskmanager-{number}",
            "GET_TM_RESOURCE_PARAMS",
            ["org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", str(self.folder / "conf")],
            ["-D", f"taskmanager.resource-id=tm{number}"],
        )

    def start_job_server(self) -> str:
        """Starts Beam's job server for this cluster; its endpoint."""
        port = free_port()
        command = ["java", *self._opens(), "-Xmx512m", "-cp", f"{FLINK / 'job_server'}/*"]
        command += [
            "org.apache.beam.runners.flink.FlinkJobServerDriver",
            "--flink-master",
            f"127.0.0.1:{self.rest_port}",
        ]
        command += ["--job-host", "127.0.0.1", "--job-port", str(port), "--artifact-port", "0", "--expansion-port", "0"]
        command += ["--artifacts-dir", str(self.folder / "artifacts")]
        self._start("job-server", command)
        self._await(lambda: is_open(port), "the job server")
        return f"127.0.0.1:{port}"

    def rest(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.rest_port}{path}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=CALL_SECONDS) as answer:
            return json.load(answer)

    def jobs(self) -> List[Dict[str, Any]]:
        return self.rest("/jobs/overview")["jobs"]

    def kill(self, name: str) -> None:
        """SIGKILL to one process, for instance `taskmanager-1`."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def task_managers(self) -> List[int]:
        """Numbers of those that run."""
        return [int(name.rsplit("-", 1)[1]) for name in self._processes if name.startswith("taskmanager-")]

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def __enter__(self) -> Cluster:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_jvm(self, name: str, what: str, main: List[str], more: Optional[List[str]] = None) -> None:
        """Flink's memory flags and properties come from its own tool, as in its scripts."""
        tool = ["java", "-cp", f"{FLINK / 'bin' / 'bash-java-utils.jar'}:{FLINK / 'lib'}/*"]
        tool += ["org.apache.flink.runtime.util.bash.BashJavaUtils", what, "--configDir", str(self.folder / "conf")]
        printed = subprocess.run(tool, capture_output=True, text=True, check=True).stdout
        prefix = "BASH_JAVA_UTILS_EXEC_RESULT:"
        jvm, dynamic = [line.split(prefix, 1)[1].split() for line in printed.splitlines() if line.startswith(prefix)][
            :2
        ]
        log4j = f"-Dlog4j.configurationFile={self.folder / 'conf' / 'log4j.properties'}"
        command = ["java", *jvm, *self._opens(), log4j, "-cp", f"{FLINK / 'lib'}/*", *main, *dynamic, *(more or [])]
        self._start(name, command)

    def _start(self, name: str, command: List[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment(),
            )

    @staticmethod
    def _opens() -> List[str]:
        return [f"--add-opens={module}=ALL-UNNAMED" for module in OPENS]

    def _await(self, ready: Any, what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                if ready():
                    return
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with {process.returncode}; see {self.folder / name}.log")
            time.sleep(0.2)
        raise RuntimeError(f"{what} did not come up within {START_SECONDS:.0f} s; see {self.folder}")


def environment() -> Dict[str, str]:
    """The TaskManagers start workers, which find their key in it."""
    return dict(os.environ)


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def workers(pid: int) -> Iterator[int]:
    """The beam-tecton processes that a process has started, now."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError):
            stat = (folder / "stat").read_text()
            parent = int(stat.rsplit(")", 1)[1].split()[1])
            if parent == pid and b"beam-tecton" in (folder / "cmdline").read_bytes():
                yield int(folder.name)


def kill_quietly(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
