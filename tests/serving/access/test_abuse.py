"""What somebody who means harm sends, to a real server process: nothing of it fails, is fetched, or goes further."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from serving.access.keys import KeyStore
from tests.conftest import ROOT
from tests.serving.live_api import stop_encoders

pytestmark = pytest.mark.integration

MOST_BODY = 4 << 20
MOST_HEADERS = 16 << 10


@dataclass(frozen=True)
class Server:
    """A server process that asks for keys, and what it printed so far in `log`."""

    address: str
    home: Path
    log: Path
    process: subprocess.Popen[str]
    writer: str
    reader: str

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        """Status, headers and body; the path and headers go out as they are."""
        parts = urlsplit(self.address)
        with closing(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)) as connection:
            content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, content, {"authorization": f"Bearer {key or self.writer}", **named})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def raw(self, data: bytes) -> bytes:
        """What comes back for these bytes on a connection of their own, until it is closed or nothing comes."""
        parts = urlsplit(self.address)
        with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=3) as connection:
            found = b""
            try:
                connection.sendall(data)
                while block := connection.recv(65_536):
                    found += block
            except (TimeoutError, ConnectionError):
                pass
            return found

    def alive(self) -> bool:
        """Does it still answer as ever."""
        return self.send("GET", "/v1/items/p:i01")[0] == 200


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Server]:
    keys = KeyStore(folder)
    _, writer = keys.create("writer", "writer")
    _, reader = keys.create("reader", "reader", platform="p")
    keys.close()
    named = {"HOME": str(folder), "PORT": "0", "REQUIRE_KEYS": "1", "STORE": f"local:{folder / 'no-store'}",
             "MAX_BODY": str(MOST_BODY), "MAX_HEADERS": str(MOST_HEADERS), **settings}  # fmt: skip
    environment = {**os.environ, **{f"INTERLACE_{name}": value for name, value in named.items()}}
    log = folder / "server.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.run"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield Server(line.split()[-1], folder, log, process, writer, reader)
        finally:
            process.terminate()
            process.communicate(timeout=30)


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("abused")
    (folder / "index").symlink_to(home / "index")
    (folder / "media").symlink_to(home / "media")
    (folder / "secret.txt").write_text("the secret")
    with running(folder) as server:
        yield server
    stop_encoders(folder)


def base(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG that says it is so large, with these compressed rows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


ITEM: dict[str, Any] = {"title": "New", "attributes": {"Genre": ["Comedy"]}}


@pytest.mark.parametrize("field", ["image", "audio", "video"])
def test_an_address_in_place_of_a_file_is_never_asked(server: Server, field: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/x.png"
        for value in (
            address,
            address.replace("http", "https"),
            "file:///etc/passwd",
            base(address.encode()),
            f"data:image/png;base64,{base(b'x')}",
        ):
            status, _, body = server.send("PUT", "/v1/items/p:new", {**ITEM, field: value})
            assert status == 422, body
            if field != "video":
                assert server.send("POST", "/v1/search", {field: value})[0] in {404, 422, 501}
                assert server.send("POST", "/v1/recommendations", {field: value})[0] in {404, 422, 501}
        for header in ("referer", "origin", "x-forwarded-host", "x-original-url", "forwarded", "jku"):
            server.send("GET", "/v1/items/p:i01", **{header: address})
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{address}"/></svg>'.encode()
        assert server.send("PUT", "/v1/items/p:new", {**ITEM, "image": base(svg)})[0] == 422
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n".encode()
        for kind in ("audio", "video"):
            assert server.send("PUT", "/v1/items/p:new", {**ITEM, kind: base(playlist)})[0] == 422
        with pytest.raises(TimeoutError):
            trap.accept()


def test_bombs_do_not_go_off(server: Server) -> None:
    before = psutil.Process(server.process.pid).memory_info().rss
    huge = png(50_000, 50_000, zlib.compress(b"\0" * 1_000_000, 9))
    status, _, body = server.send("PUT", "/v1/items/p:bomb", {**ITEM, "image": base(huge)})
    assert status == 422, body
    zipped = gzip.compress(b" " * (64 << 20), 9)
    assert server.send("POST", "/v1/search", zipped, content_encoding="gzip")[0] == 422
    archive = b"PK\x03\x04" + zipped
    for kind in ("image", "audio", "video"):
        assert server.send("PUT", "/v1/items/p:bomb", {**ITEM, kind: base(archive)})[0] == 422
    assert psutil.Process(server.process.pid).memory_info().rss - before < 200 << 20
    assert server.alive()


def test_bodies_have_a_bound_with_and_without_a_length(server: Server) -> None:
    long = b'{"text": "' + b"x" * MOST_BODY + b'"}'
    status, headers, body = server.send("POST", "/v1/search", long)
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert str(MOST_BODY) in json.loads(body)["valid"]
    start = f"POST /v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.writer}\r\n"
    head = f"{start}Transfer-Encoding: chunked\r\n\r\n"
    block = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    answer = server.raw(head.encode() + block * (MOST_BODY // 65_536 + 2) + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    for length in ("99999999999999999999999", "-1", "1e3", "0x10", "\u0661"):
        answer = server.raw(f"{start}Content-Length: {length}\r\n\r\n".encode())
        assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 413"}, length
    smuggled = f"{start}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/users HTTP/1.1\r\n\r\n"
    assert server.raw(smuggled.encode()).count(b"HTTP/1.1") == 1
    assert server.alive()


def test_heads_have_a_bound(server: Server) -> None:
    assert server.send("GET", "/v1/items/p:i01", x_long="x" * (MOST_HEADERS + 1))[0] == 431
    assert server.send("GET", "/v1/items?query=" + "x" * (MOST_HEADERS + 1))[0] == 431
    endless = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"x-%d: y\r\n" % number for number in range(300_000))
    assert server.raw(endless)[:12] in {b"HTTP/1.1 431", b""}
    many = {f"x_{number}": "1" for number in range(500)}
    assert server.send("GET", "/v1/items/p:i01", **many)[0] == 200
    assert server.alive()


@pytest.mark.parametrize(
    "field",
    ["id", "role", "gone", "vectors", "is_admin", "platform", "__class__", "embedding", "created_at", "properties"],
)
def test_what_nobody_asked_for_is_refused(server: Server, field: str) -> None:
    inside = {"properties": {"id": "p:i02"}} if field == "properties" else {field: "x"}
    for body in ({**ITEM, **inside}, {"title": "x", "relations": [{"relation": "a", "id": "p:1", field: 1}]}):
        status, _, answer = server.send("PUT", "/v1/items/p:new", body)
        assert status == 422, answer
    assert server.send("POST", "/v1/search", {"text": "x", field: 1})[0] == 422
    assert server.send("POST", "/v1/recommendations", {"filter": {field: 1}})[0] == 422
    assert server.send("GET", "/v1/items/p:new")[0] == 404


DEEP = 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP + b"]" * DEEP, b'{"text":' * DEEP, b'{"items":' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"n": NaN}', b'{"n": Infinity}', b'{"profile": {"age": 1e999}}', b'{"profile": {"age": NaN}}',
        b'{"n": ' + b"9" * 10_000 + b"}", b'{"profile": {"age": ' + b"9" * 10_000 + b"}}", b'{"n": -1}',
        b'{"n": 1e3}', b'{"n": "1"}',
        b'{"text": "\xff\xfe"}', b'{"text": "\\ud800"}', b'{"text": "\\u0000"}', b"\xef\xbb\xbf{}", b"\x00", b"",
        b"null", b"[]",
        b'{"n": 1, "n": 100000}', b'{"profile": {"\\ud800": 1}}', b'{"items": ["\\udcff"]}', b"{'n': 1}",
    ],
)  # fmt: skip
def test_no_json_makes_it_fail(server: Server, body: bytes) -> None:
    for path in ("/v1/recommendations", "/v1/search", "/v1/classify", "/v1/cypher"):
        status, headers, answer = server.send("POST", path, body)
        assert status in {403, 413, 422, 501, 503}, (path, answer)
        assert headers["content-type"] == "application/problem+json"
        json.loads(answer)
    assert server.send("PUT", "/v1/items/p:new", body)[0] == 422


@pytest.mark.parametrize(
    "value",
    ["p:a%0d%0aset-cookie:%20x=1", "p:a%0aLocation:%20http://evil", "p:%00", "p:%e2%80%a8", "p:a%0d%0a%0d%0a<script>"],
)
def test_line_breaks_in_ids_stay_in_the_body(server: Server, value: str) -> None:
    for path in (
        "/v1/items/{}",
        "/v1/users/{}/recommendations",
        "/v1/refresh-runs/{}",
        "/v1/{}",
        "/media/{}/x.jpg",
        "/{}",
        "/js/{}",
    ):
        status, headers, body = server.send("GET", path.format(value))
        assert status in {307, 403, 404, 422, 503}, path
        assert not {"set-cookie"} & headers.keys()
        assert "evil" not in headers.get("location", "")
        assert headers["x-content-type-options"] == "nosniff"
        if headers["content-type"] != "application/problem+json":
            assert b"<script>" not in body
    assert server.send("DELETE", f"/v1/items/{value}")[0] in {403, 404, 422}
    log = (server.home / "audit.jsonl").read_bytes().splitlines()
    assert all(json.loads(line)["time"] for line in log), "every line of the log is one act"


PATHS = """
/media/../secret.txt /media/ab/../../secret.txt /media/..%2fsecret.txt /media/ab/..%2f..%2fsecret.txt
/media/%2e%2e/secret.txt /media/ab/%252e%252e%252fsecret.txt /media//etc/passwd /media/ab/....//secret.txt
/../secret.txt /%2e%2e/secret.txt /js/../../../secret.txt /js/..%2f..%2f..%2fpyproject.toml
/..%5c..%5csecret.txt /__init__.py /js/../__init__.py /%5f_init__.py /.git/config //etc/passwd /etc/passwd
/audit.jsonl /keys.sqlite /media/ab/keys.sqlite /media/../keys.sqlite /media/ab/abcdef012345.jpg%00.txt
/media/AB/abcdef012345.jpg
""".split()  # noqa: SIM905  a list of these is no easier to read


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out(server: Server, path: str) -> None:
    for method in ("GET", "HEAD"):
        status, _, body = server.send(method, path)
        assert status in {307, 403, 404, 405}, body
        assert b"secret" not in body or b"no image" in body or b"/problems/" in body
        assert b"SQLite" not in body
        assert b"import " not in body


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PATCH", "PROPFIND", "OPTIONS", "get", "HEAD"])
def test_other_methods_do_nothing(server: Server, method: str) -> None:
    for path in ("/v1/items/p:i01", "/v1/users/p:u01", "/v1/session"):
        line = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {server.writer}\r\n\r\n"
        )
        assert server.raw(line.encode())[9:12] in {b"400", b"403", b"404", b"405"}


def test_other_users_and_platforms_are_out_of_reach_however_they_are_written(server: Server) -> None:
    for identity in (
        "q:1",
        "%71:1",
        "p%253A1",
        "P:1",
        "p",
        ":p:i01",
        "%20p:i01",
        "p\u00a0:1".encode().hex(),
        "..%2fp:i01",
        "p%3",
        "%ff",
    ):
        status, _, _ = server.send("GET", f"/v1/items/{identity}", key=server.reader)
        assert status == 403, identity
    for path in (
        "/V1/items/q:1",
        "//v1/items/q:1",
        "/v1//items/q:1",
        "/v1/./items/q:1",
        "/v1/items/p:i01/../q:1",
        "/%761/users/q:1",
        "/v1/items/q:1/",
        "/v1/items/q:1?x=/v1/items/p:1",
    ):
        status, _, body = server.send("GET", path, key=server.reader)
        assert status in {307, 403, 404}, (path, body)


def test_many_at_once_are_each_answered(server: Server) -> None:
    found: list[int] = []

    def ask(number: int) -> None:
        path = f"/v1/users/p:u{number % 30:02d}/recommendations"
        found.append(server.send("GET", path, key=server.writer if number % 2 else server.writer + "x")[0])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] * 12 + [401] * 12


def test_no_secret_is_written_anywhere(server: Server) -> None:
    """After all of the above, and what is most likely to write a key down."""
    for path in (
        f"/v1/items/{server.writer}",
        f"/v1/users/{server.writer}",
        f"/v1/x?key={server.writer}",
        f"/{server.writer}",
        "/v1/graph/schema",
    ):
        for method in ("GET", "DELETE"):
            server.send(method, path)
    server.send("POST", "/v1/cypher", {"query": f"RETURN '{server.writer}'"})
    server.send("PUT", "/v1/items/p:new", {"title": server.writer, "secret": server.writer})
    server.send("GET", "/v1/items", key=server.writer + "x")
    server.send("POST", "/v1/session")
    server.raw(f"GET / HTTP/1.1\r\nAuthorization: Bearer {server.writer}\r\nbroken\r\n\r\n".encode())
    server.process.send_signal(15)
    server.process.wait(timeout=30)
    output = (server.process.stdout.read() if server.process.stdout else "") + server.log.read_text()
    assert "Traceback" not in output
    written = [
        path for path in server.home.rglob("*") if path.is_file() and not path.is_relative_to(server.home / "index")
    ]
    assert {"audit.jsonl", "audit-strangers.jsonl", "keys.sqlite"} <= {path.name for path in written}
    for secret in (server.writer.rpartition("_")[2], server.reader.rpartition("_")[2]):
        assert secret not in output
        for path in written:
            assert secret.encode() not in path.read_bytes(), path
