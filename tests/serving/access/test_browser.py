"""Pages of others: names that lead here, writes across sites, CORS, TLS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serving.overlay import Overlay
from tests.serving.access.conftest import Serve, Served

ITEM = {"title": "New", "attributes": {"Genre": ["Comedy"]}}


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["item"]["id"] for entry in answer.json()["items"]]


class TestBrowsers:
    """On loopback without keys, pages of others must not use the server."""

    @pytest.mark.parametrize(
        "host", ["localhost", "localhost:8421", "127.0.0.1:1", "[::1]:8421", "LOCALHOST", "interlace.example:80"]
    )
    def test_names_of_this_server(self, serve: Serve, host: str) -> None:
        served = serve(allowed_hosts="interlace.example")
        assert served.send("/v1/items", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8421",
            "",
            "[::2]",
            "localhost@evil.example",
        ],
    )
    def test_other_names_are_refused(self, serve: Serve, host: str) -> None:
        for path in ("/v1/items", "/", "/v1/health"):
            answer = serve().send(path, headers={"host": host})
            assert answer.status_code == 421, path
            assert "INTERLACE_ALLOWED_HOSTS" in answer.json()["valid"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://localhost:3000"}, {"origin": ""},
            {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site", "origin": "http://localhost"},
        ],
    )  # fmt: skip
    def test_writes_from_pages_of_others_are_refused(self, serve: Serve, headers: dict[str, str]) -> None:
        served = serve()
        sent = {"host": "localhost", "content-type": "text/plain", **headers}
        for method, path in (("PUT", "/v1/items/p:new"), ("DELETE", "/v1/items/p:i01"), ("POST", "/v1/search")):
            assert served.send(path, method, headers=sent, content=json.dumps(ITEM)).status_code == 403, method
        assert Overlay(served.home).since(0) == []

    @pytest.mark.parametrize(
        "headers",
        [{}, {"origin": "http://localhost:8421"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}],
    )
    def test_the_page_and_programs_may_write(self, serve: Serve, headers: dict[str, str]) -> None:
        sent = {"host": "localhost:8421", **headers}
        assert serve().send("/v1/items/p:i01", "DELETE", headers=sent).status_code == 204

    def test_pages_of_others_may_link_here_but_embed_nothing(self, serve: Serve) -> None:
        served, across = serve(), {"host": "localhost", "sec-fetch-site": "cross-site"}
        assert served.send("/v1/items", headers={**across, "sec-fetch-mode": "no-cors"}).status_code == 403
        assert served.send("/v1/items", headers={**across, "sec-fetch-mode": "navigate"}).status_code == 200
        assert served.send("/", headers={**across, "sec-fetch-mode": "navigate"}).status_code == 200

    def test_cors_is_off_and_names_who_is_let_in(self, serve: Serve, served: Served) -> None:
        asks = {"origin": "https://shop.example", "access-control-request-method": "PUT"}
        off = served.send("/v1/items/p:i01", "OPTIONS", headers=asks)
        assert not [name for name in off.headers if name.startswith("access-control")]
        shop = serve(require_keys=True, cors_origins="https://shop.example, https://b.example")
        yes = shop.send("/v1/items/p:i01", "OPTIONS", headers=asks)
        assert yes.status_code == 204
        assert yes.headers["access-control-allow-origin"] == "https://shop.example"
        assert "authorization" in yes.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in yes.headers
        got = shop.send(
            "/v1/items", key=shop.key(), headers={"origin": "https://shop.example", "sec-fetch-site": "cross-site"}
        )
        assert got.status_code == 200
        assert got.headers["access-control-allow-origin"] == "https://shop.example"
        refused = shop.send("/v1/items", headers={"origin": "https://shop.example"})
        assert refused.headers["access-control-allow-origin"] == "https://shop.example"
        other = shop.send("/v1/items", key=shop.key(), headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        assert other.headers["vary"] == "origin"

    def test_hsts_stands_behind_tls_alone(self, serve: Serve) -> None:
        assert "strict-transport-security" not in serve().send("/").headers
        behind = serve(require_keys=True, behind_tls=True)
        assert behind.send("/").headers["strict-transport-security"] == "max-age=31536000"
        assert "Secure" in behind.send("/v1/session", "POST", behind.key()).headers["set-cookie"]
