"""The running server refuses what no browser sends, keeps its files to itself, and goes on answering."""

from __future__ import annotations

import re
import socket
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from scripts.running_app import running_app

WAIT_S = 60  # a busy machine is not a broken promise
LARGEST_UPLOAD_MB = 2
SECRETS = (
    b"root:x:",
    b"root:*:",
    b"enableStaticServing",
    b"from starlette",
    b"schema_version",
    b"[server]",
    b"import ",
)
"""What stands in the files that the paths below try to reach."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The app's address; uploads may have 2 MB."""
    with running_app({"STREAMLIT_SERVER_MAX_UPLOAD_SIZE": str(LARGEST_UPLOAD_MB), "WBC_JOBS_WORKER": "false"}) as url:
        yield url


@pytest.fixture(autouse=True)
def still_answers(address: str) -> Iterator[None]:
    """After each test the server must answer as before."""
    yield
    with urllib.request.urlopen(f"{address}/healthz", timeout=WAIT_S) as response:
        assert response.status == 200


def opened(address: str) -> socket.socket:
    place = urlsplit(address)
    return socket.create_connection((place.hostname, place.port), timeout=WAIT_S)


def ask(address: str, request: bytes) -> tuple[int, bytes]:
    """Send bytes and return status and body; status 0 where the server hung up without a word."""
    answer = b""
    with opened(address) as connection:
        with suppress(ConnectionError):  # it may refuse before all was sent; what it said can still be read
            connection.sendall(request)
        with suppress(ConnectionError):
            while chunk := connection.recv(1 << 16):
                answer += chunk
                head, _, body = answer.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                if length and len(body) >= int(length[1]):
                    break
    found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return int(found[1]) if found else 0, answer.partition(b"\r\n\r\n")[2]


def refused(status: int) -> bool:
    return status == 0 or 400 <= status < 500


def get(path: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


REQUESTS = {
    "a header of 1 MB": get("/healthz", f"X-Long: {'a' * 1_000_000}"),
    "10,000 headers": get("/healthz", *(f"X-{n}: {'v' * 20}" for n in range(10_000))),
    "a request line of 100 kB": get("/" + "a" * 100_000),
    "a query of 100 kB": get("/?model=" + "a" * 100_000),
    "a cookie of 100 kB": get("/healthz", f"Cookie: a={'b' * 100_000}"),
    "a header without a name": get("/healthz", ": b"),
    "a name with a space": get("/healthz", "X A: b"),
    "a NUL in a header": get("/healthz", "X-A: b\0c"),
    "no host": b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": get("/healthz", "Host: other"),
    "a length below zero": get("/healthz", "Content-Length: -1", method="POST"),
    "a length that is no number": get("/healthz", "Content-Length: ten", method="POST"),
    "a length beyond all numbers": get("/healthz", f"Content-Length: {'9' * 40}", method="POST"),
    "two lengths": get("/healthz", "Content-Length: 3", "Content-Length: 4", method="POST", body=b"abcd"),
    "a method unknown": get("/healthz", method="EVIL"),
    "TRACE": get("/healthz", method="TRACE"),
    "DELETE": get("/healthz", method="DELETE"),
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + bytes(200) + b"\r\n\r\n",
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_what_no_browser_sends_is_refused(address: str, request_: bytes) -> None:
    status, body = ask(address, request_)
    assert refused(status), status
    assert b"Traceback" not in body


def test_a_body_that_is_shorter_than_it_says_holds_nobody_up(address: str) -> None:
    with ExitStack() as held:
        for _ in range(20):
            connection = held.enter_context(opened(address))
            connection.sendall(get("/_stcore/upload_file/x/y", "Content-Length: 1000", method="PUT", body=b"abc"))
        assert ask(address, get("/healthz"))[0] == 200


def test_headers_that_come_slowly_hold_nobody_up(address: str) -> None:
    with ExitStack() as held:
        for number in range(60):
            connection = held.enter_context(opened(address))
            connection.sendall(f"GET /healthz HTTP/1.1\r\nX-{number}: a".encode())
        assert ask(address, get("/healthz"))[0] == 200


PATHS = (
    "/../../../../etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/static/../../../app.py",
    "/static/..%2f..%2f..%2fapp.py",
    "/static/js/..%2f..%2f..%2f..%2f..%2fserver%2fserver.py",
    "/static/..%5c..%5capp.py",
    "/static/..%252f..%252fapp.py",
    "/static//etc/passwd",
    "/app/static/..%2f..%2fapp.py",
    "/app/static/.streamlit/config.toml",
    "/.streamlit/config.toml",
    "/.streamlit/secrets.toml",
    "/models/wbc8-lite0/card.json",
    "/app.py",
    "/.git/config",
    "/media/..%2f..%2fapp.py",
    "/media/00000000.png",
    "/component/..%2f..%2fapp.py",
    "/component/wbc_field/..%2f..%2f..%2fapp.py",
    "/_stcore/..%2f..%2fapp.py",
    "/_stcore/bidi-components/x/..%2f..%2fapp.py",
    "/healthz/../app.py",
    "/healthz/..%2f.streamlit%2fconfig.toml",
    "/healthz%00.py",
    "/healthz/x",
    "/static/%00",
    "/static/js/%c0%ae%c0%ae/app.py",
    "/http://169.254.169.254/latest",
)


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_to_a_file_of_the_server(address: str, path: str) -> None:
    status, body = ask(address, get(path))
    assert status < 500, status
    if status == 200:  # unknown pages get the app's own page, which says that there is none
        assert b"<title>Streamlit</title>" in body or b'<div id="root"></div>' in body
    else:
        assert not [secret for secret in SECRETS if secret in body]


@pytest.mark.parametrize("path", ["/metrics", "/_stcore/metrics", "/_stcore/metrics/"])
def test_metrics_are_for_whom_the_settings_name_alone(address: str, path: str) -> None:
    through_a_proxy = ask(address, get(path, "X-Forwarded-For: 10.0.0.7"))
    assert through_a_proxy == (404, b"There is nothing here.\n")
    if not path.endswith("/"):
        assert ask(address, get(path))[0] == 200


# --- sessions -------------------------------------------------------------------------------------------------------


def token_of(address: str) -> str:
    """Return the token against forged requests that the server gives to any browser."""
    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=WAIT_S) as response:
        cookies = " ".join(response.headers.get_all("Set-Cookie") or [])
    found = re.search(r"_streamlit_xsrf=([^;]+)", cookies)
    assert found is not None, cookies
    return found[1]


def upload(address: str, session: str, *headers: str, size: int = 10, file: str = "") -> int:
    edge = "edge"
    body = f'--{edge}\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n'.encode()
    body += bytes(size) + f"\r\n--{edge}--\r\n".encode()
    given = (f"Content-Type: multipart/form-data; boundary={edge}", *headers)
    if not any(header.startswith("Transfer-Encoding") for header in headers):
        given = (*given, f"Content-Length: {len(body)}")
    else:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return ask(address, get(f"/_stcore/upload_file/{session}/{file or uuid.uuid4()}", *given, method="PUT", body=body))[
        0
    ]


def guarded(address: str) -> tuple[str, str]:
    token = token_of(address)
    return f"Cookie: _streamlit_xsrf={token}", f"X-Xsrftoken: {token}"


@pytest.fixture
def session(address: str) -> Iterator[str]:
    """The id of a session that a browser has begun."""
    with connect(address.replace("http", "ws") + "/_stcore/stream", subprotocols=["streamlit"], max_size=None) as line:
        begin = BackMsg()
        begin.rerun_script.query_string = ""
        line.send(begin.SerializeToString())
        while True:
            message = ForwardMsg.FromString(line.recv(timeout=WAIT_S))
            if message.WhichOneof("type") == "new_session":
                yield message.new_session.initialize.session_id
                return


@pytest.mark.parametrize("made_up", [str(uuid.UUID(int=7)), "..", "x" * 2000, "..%2f..%2ftmp%2fx", "%00", "0"])
def test_an_upload_for_a_made_up_session_is_refused(address: str, made_up: str) -> None:
    assert refused(upload(address, made_up, *guarded(address)))


def test_an_upload_needs_the_token_that_only_the_own_page_has(address: str, session: str) -> None:
    cookie, token = guarded(address)
    assert upload(address, session, cookie, token) == 204
    assert upload(address, session) == 403
    assert upload(address, session, cookie) == 403
    assert upload(address, session, cookie, "X-Xsrftoken: made-up") == 403


def test_an_upload_beyond_the_limit_is_refused_whatever_it_says_of_its_length(address: str, session: str) -> None:
    headers, most = guarded(address), LARGEST_UPLOAD_MB * 1024 * 1024
    assert upload(address, session, *headers, size=most // 2) == 204
    assert refused(upload(address, session, *headers, size=most + 2_000_000))
    assert refused(upload(address, session, *headers, "Transfer-Encoding: chunked", size=most + 2_000_000))


def test_what_was_uploaded_is_given_to_nobody(address: str, session: str) -> None:
    file = str(uuid.UUID(int=1))
    assert upload(address, session, *guarded(address), file=file) == 204
    status, body = ask(address, get(f"/_stcore/upload_file/{session}/{file}"))
    assert status != 200 or b"<title>Streamlit</title>" in body  # the app's own page, as for any unknown address
    assert bytes(10) not in body


def test_a_page_of_another_site_opens_no_session(address: str) -> None:
    where = address.replace("http", "ws") + "/_stcore/stream"
    with pytest.raises(InvalidStatus) as caught, connect(where, origin="http://evil.example"):
        pass  # pragma: no cover
    assert caught.value.response.status_code == 403


def test_a_made_up_session_becomes_a_new_one(address: str) -> None:
    """The name of a session is a random number of 122 bits that only its own browser hears."""
    session = str(uuid.uuid4())
    protocols = ["streamlit", token_of(address), session]
    where = address.replace("http", "ws") + "/_stcore/stream"
    with connect(where, subprotocols=protocols, max_size=None) as line:
        begin = BackMsg()
        begin.rerun_script.query_string = ""
        line.send(begin.SerializeToString())
        while True:
            message = ForwardMsg.FromString(line.recv(timeout=WAIT_S))
            if message.WhichOneof("type") == "new_session":
                given = message.new_session.initialize.session_id
                assert given != session
                assert uuid.UUID(given).version == 4
                return


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"not a message", bytes(range(256)) * 50])
def test_messages_that_are_none_end_nothing_but_their_own_line(address: str, data: bytes) -> None:
    where = address.replace("http", "ws") + "/_stcore/stream"
    # The server may have hung up on the first already.
    with suppress(ConnectionClosed), connect(where, subprotocols=["streamlit"]) as line:
        line.send(data)
        line.send("text instead of bytes")
