"""nginx with one canned answer, in clear text and over TLS: the cheapest server there is, so that two cores measure the
client. A child process with a configuration of its own under build/bench; the system's service is not touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Optional

import certifi
from bench_report import FOLDER, ROOT

UNPACKED = ROOT / "build" / "nginx" / "usr" / "sbin" / "nginx"  # where ./run puts it
START_TIMEOUT_S = 10.0

# What Tecton answers for ten records, as its documentation shows it: 206 bytes.
ANSWER = (
    '{"workspaceName":"prod","ingestMetrics":{"featureViewIngestMetrics":[{"featureViewName":"ua",'
    '"onlineRecordIngestCount":"10","offlineRecordIngestCount":"10","featureViewId":"0c6f2f6a5b7d4e3c9a10b2c3d4e5"}]}}'
)

CONFIGURATION = """
daemon off;
master_process off;
worker_rlimit_nofile 4096;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; use epoll; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 120s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{clear};
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{ return 200 '{answer}'; }}
    }}
}}
"""


class Certificate:
    """A throw-away certificate for 127.0.0.1 that vouches for itself.

    `bundle` is what clients are to trust: it, and all that `requests` trusts by default, since a client of the real
    service reads as many.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "certificate.pem"
        self.key = folder / "key.pem"
        self.bundle = folder / "ca_bundle.pem"
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        )
        names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
        made = subprocess.run(
            [*command.split(), "-addext", names, "-out", str(self.file), "-keyout", str(self.key)],
            capture_output=True,
            text=True,
        )
        if made.returncode != 0:
            raise RuntimeError(f"openssl cannot make a certificate: {made.stderr[-500:]}")
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + self.file.read_bytes())


def find_nginx() -> Optional[str]:
    for candidate in (shutil.which("nginx"), "/usr/sbin/nginx", str(UNPACKED)):
        if candidate is not None and os.access(candidate, os.X_OK):
            return candidate
    return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class CannedServer:
    """Use as a context manager. `url` and `tls_url` are where it listens."""

    def __init__(self, certificate: Certificate) -> None:
        program = find_nginx()
        if program is None:
            raise RuntimeError("nginx is missing; ./run bench delivery brings it")
        folder = FOLDER / "nginx"
        folder.mkdir(parents=True, exist_ok=True)
        clear, tls = free_port(), free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder, clear=clear, tls=tls, certificate=certificate.file, key=certificate.key, answer=ANSWER
            )
        )
        self.url = f"http://127.0.0.1:{clear}/ingest"
        self.tls_url = f"https://127.0.0.1:{tls}/ingest"
        # It ends with us, however we end.
        command = ["setpriv", "--pdeathsig", "TERM", program, "-p", str(folder), "-c", str(configuration)]
        self.process = subprocess.Popen(
            [*command, "-e", str(folder / "error.log")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            self._wait_for(clear)
        except BaseException:
            self.stop()
            raise

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"nginx does not start; see {FOLDER / 'nginx' / 'error.log'}")

    def __enter__(self) -> CannedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
