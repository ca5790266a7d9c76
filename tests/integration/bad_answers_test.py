"""Answers that no ingest API gives: each is a clear error or a retry, and nothing is lost or claimed to be written."""

import contextlib
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import pytest
from pipelines import events, failure, write
from refusal_test import says

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Raw(NamedTuple):
    """A server on loopback that reads a request and sends bytes, whatever they are, then closes."""

    port: int
    requests: List[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ingest"


@contextlib.contextmanager
def raw_server(
    *answers: Any, context: Optional[ssl.SSLContext] = None, hold: Optional[threading.Event] = None
) -> Iterator[Raw]:
    """Serves the answers one after another, the last one for ever. An answer is bytes, or a function of a socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    raw = Raw(listener.getsockname()[1], [])
    left = list(answers)

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            connection.settimeout(20)
            request = b""
            while b"\r\n\r\n" not in request:
                received = connection.recv(65536)
                if not received:
                    return
                request += received
            head, _, body = request.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ),
                0,
            )
            while len(body) < length:
                body += connection.recv(65536)
            raw.requests.append(request)
            answer = left.pop(0) if len(left) > 1 else left[0]
            if hold is not None:
                hold.wait(20)
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield raw
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answer(status: int, body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def pour(head: bytes, chunk: bytes, total: int) -> Callable[[socket.socket], None]:
    """Sends `head` and then `total` bytes of `chunk` again and again, for as long as somebody reads."""

    def send(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(total // len(chunk)):
            connection.sendall(chunk)

    return send


QUICK: Dict[str, Any] = {"max_retries": 0, "max_retry_seconds": 5, "timeout": 10.0}
DEEP = b'{"requestError":' * 20_000 + b"1" + b"}" * 20_000


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        pytest.param(answer(200, b"<html>Welcome</html>"), ["HTTP 200", "Welcome", "not an answer"], id="html"),
        pytest.param(answer(200, b""), ["HTTP 200", "no text", "not an answer"], id="empty"),
        pytest.param(answer(204, b""), ["HTTP 204", "not an answer"], id="204"),
        pytest.param(answer(200, b"[1,2]"), ["HTTP 200", "not an answer"], id="json of another shape"),
        pytest.param(answer(200, b'{"a":' * 5000 + b"1" + b"}" * 5000), ["HTTP 200", "not an answer"], id="json bomb"),
        pytest.param(answer(400, DEEP), ["HTTP 400"], id="json bomb in a refusal"),
        pytest.param(answer(301, b"", "Location: http://127.0.0.1:1/\r\n"), ["HTTP 301", "not followed"], id="301"),
        pytest.param(answer(418, b"short and stout"), ["HTTP 418", "short and stout", "endpoint_url"], id="418"),
        pytest.param(answer(999, b"?"), ["HTTP 999", "endpoint_url"], id="999"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", ["HTTP 200"], id="truncated"),
        pytest.param(b"HTTP/1.1 503 X\r\nContent-Length: 7\r\n\r\nhi", ["HTTP 503", "hi"], id="truncated 503"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: minus\r\n\r\n{}", ["no answer"], id="a length that is none"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", ["no answer"], id="another protocol"),
        pytest.param(b"", ["no answer"], id="closed"),
        pytest.param(
            pour(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", b"x" * 65536, 1 << 30),
            ["HTTP 200"],
            id="1 GiB",
        ),
        pytest.param(
            pour(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8\r\nxxxxxxxx\r\n", 1 << 40),
            ["HTTP 200"],
            id="endless",
        ),
        pytest.param(pour(b"HTTP/1.1 200 OK\r\n", b"X-Flood: x\r\n", 1 << 30), ["no answer", "longer"], id="headers"),
    ],
)
def test_what_is_no_answer_is_an_error_and_counts_nothing(direct, emulator, sent, words):
    with raw_server(sent) as server:
        text = failure(direct, emulator, events(2), endpoint_url=server.url, **QUICK)
        says(text, *words, str(server.port))
        assert len(server.requests) >= 1


def test_an_interim_answer_is_passed_over(direct, emulator):
    with raw_server(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n" + GOOD) as server:
        assert write(direct, emulator, events(2), endpoint_url=server.url, **QUICK)["records_written"] == 2


@pytest.mark.parametrize(
    "retry_after",
    ["-5", "1e9", "soon", "99999999999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "\x01", "0"],
)
def test_a_retry_after_of_any_kind_does_not_stop_the_write(direct, emulator, retry_after):
    throttled = answer(429, b"{}", f"Retry-After: {retry_after}\r\n")
    with raw_server(throttled, GOOD) as server:
        options = {**QUICK, "max_retry_seconds": 100}
        if retry_after.startswith("9999"):  # a minute at most, which the test does not wait for
            text = failure(direct, emulator, events(1), endpoint_url=server.url, **QUICK)
            says(text, "HTTP 429", "max_retry_seconds=5")
        else:
            assert write(direct, emulator, events(1), endpoint_url=server.url, **options)["records_written"] == 1


def test_a_retry_after_in_the_year_9999_is_cut_to_a_minute(direct, emulator):
    throttled = answer(429, b"{}", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n")
    with raw_server(throttled) as server:
        says(failure(direct, emulator, events(1), endpoint_url=server.url, **QUICK), "HTTP 429", "max_retry_seconds=5")


def test_a_port_that_accepts_and_never_answers(direct, emulator):
    with raw_server(GOOD, hold=threading.Event()) as server:
        text = failure(direct, emulator, events(1), endpoint_url=server.url, max_retries=0, timeout=0.3)
        says(text, "within the timeout", "may or may not be written")


# ---- certificates ----


def make_certificate(folder: Path, name: str, *more: str) -> ssl.SSLContext:
    """A server's context with a certificate of its own for `name`."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={name}"]
    subprocess.run([*make, *subject, *more], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize(
    ("name", "more", "trusted", "words"),
    [
        ("IP:127.0.0.1", [], False, ["self-signed certificate", "ca_file"]),
        ("DNS:other.example", [], True, ["127.0.0.1", "ca_file"]),
        ("IP:127.0.0.1", ["-days", "-1"], True, ["expired"]),
    ],
    ids=["self-signed", "for another name", "expired"],
)
def test_a_certificate_that_is_not_right_is_never_sent_a_key(direct, emulator, tmp_path, name, more, trusted, words):
    try:
        context = make_certificate(tmp_path, name, *more)
    except subprocess.CalledProcessError:
        context = expired_certificate(tmp_path, name)
    with raw_server(GOOD, context=context) as server:
        url = f"https://127.0.0.1:{server.port}/ingest"
        ca_file = str(tmp_path / "certificate.pem") if trusted else None
        text = failure(direct, emulator, events(1), endpoint_url=url, ca_file=ca_file, max_retry_seconds=1)
        says(text, "no trusted connection", *words)
        assert server.requests == []


def expired_certificate(folder: Path, name: str) -> ssl.SSLContext:
    """OpenSSL 3.0 makes no certificate whose end is past but by `openssl ca`."""
    key, request, certificate = folder / "key.pem", folder / "request.pem", folder / "certificate.pem"
    (folder / "index").write_text("")
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=own\n[own]\n"
        f"database={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\ndefault_md=sha256\npolicy=any\n"
        f"x509_extensions=more\n[any]\ncommonName=supplied\n[more]\nsubjectAltName={name}\n"
    )
    run = {"check": True, "capture_output": True}
    ask = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=past"]
    sign = ["openssl", "ca", "-batch", "-selfsign", "-config", folder / "ca.cnf", "-keyfile", key, "-in", request]
    dates = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
    subprocess.run(ask, **run)
    subprocess.run([*sign, "-out", certificate, *dates, "-notext"], **run)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_a_certificate_of_ones_own_is_trusted_by_ca_file(direct, emulator, tmp_path):
    with raw_server(GOOD, context=make_certificate(tmp_path, "IP:127.0.0.1")) as server:
        url = f"https://127.0.0.1:{server.port}/ingest"
        options = {"endpoint_url": url, "ca_file": str(tmp_path / "certificate.pem")}
        assert write(direct, emulator, events(3), **options)["records_written"] == 3


# ---- proxies ----


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (answer(403, b"no"), ["no connection", "403"]),
        (answer(407, b"who are you?", "Proxy-Authenticate: Basic realm=x\r\n"), ["no connection", "407"]),
    ],
    ids=["that refuses", "that asks for a password"],
)
def test_a_proxy(direct, emulator, sent, words):
    with raw_server(sent) as proxy:
        options = {"endpoint_url": "https://tecton.example/ingest", "proxy": f"http://127.0.0.1:{proxy.port}"}
        text = failure(direct, emulator, events(1), max_retry_seconds=1, **options)
        says(text, "proxy", *words)
        assert proxy.requests[0].startswith(b"CONNECT tecton.example:443")
        assert b"Tecton-key" not in b"".join(proxy.requests)
