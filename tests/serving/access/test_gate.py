"""The gate over HTTP: who gets in, pictures, how often."""

from __future__ import annotations

from typing import Any

import pytest

from serving.access.limits import Buckets
from serving.overlay import Overlay
from serving.settings import Settings
from tests.serving.access.conftest import Serve, Served

ITEM = {"title": "New", "attributes": {"Genre": ["Comedy"]}}


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["item"]["id"] for entry in answer.json()["items"]]


class TestGettingIn:
    def test_without_a_key_only_what_is_public_answers(self, served: Served) -> None:
        for path in ("/", "/js/main.js", "/v1/health", "/ready", "/v1/openapi.json"):
            assert served.send(path).status_code == 200, path
        for path in (
            "/v1/users",
            "/v1/items/p:i01",
            "/v1/models",
            "/v1/nothing",
            "/media/ab/abcdef012345.jpg",
            "/v1/session",
        ):
            answer = served.send(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
            assert "interlace keys create" in answer.json()["remedy"]

    @pytest.mark.parametrize(
        "header",
        ["Bearer", "Bearer ", "Basic dTpw", "ilk_0000000000_00", "Bearer ilk_0000000000_00", "Bearer x", "\u00e9"],
    )
    def test_a_bad_key_is_no_key_even_where_none_is_needed(self, served: Served, serve: Serve, header: str) -> None:
        for one in (served, serve()):
            answer = one.send("/v1/items", headers={"authorization": header.encode("latin-1")})
            assert answer.status_code == 401
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]

    def test_two_authorization_headers_are_none(self, served: Served) -> None:
        good = f"Bearer {served.key()}"
        headers = [("authorization", good), ("authorization", good)]
        assert served.send("/v1/items", headers=dict(headers[:1])).status_code == 200
        from tests.serving.conftest import client

        assert client(served.app)("/v1/items", headers=headers).status_code == 401

    def test_a_revoked_key_is_refused(self, served: Served) -> None:
        key = served.key()
        assert served.send("/v1/items", key=key).status_code == 200
        served.keys.revoke("key 0")
        served.app.api.state.access.keys._next_check = 0.0
        assert served.send("/v1/items", key=key).status_code == 401

    def test_roles(self, served: Served) -> None:
        reader, writer, admin = (served.key(role) for role in ("reader", "writer", "admin"))
        assert served.send("/v1/items/p:new", "PUT", reader, json=ITEM).status_code == 403
        assert Overlay(served.home).since(0) == []
        assert served.send("/v1/items/p:i01", "DELETE", writer).status_code == 204
        assert served.send("/v1/refresh-runs", "POST", writer, json={}).status_code == 403
        assert served.send("/v1/nothing", key=writer).status_code == 403
        assert served.send("/v1/nothing", key=admin).status_code == 404

    def test_who_am_i(self, served: Served, serve: Serve) -> None:
        token = served.key(user="p:u01")
        found = served.send("/v1/session", key=token).json()
        assert found["role"] == "user"
        assert (found["platform"], found["user"]) == ("p", "p:u01")
        assert serve().send("/v1/session").json() == {
            "caller": "local",
            "role": "admin",
            "platform": None,
            "user": None,
        }


class TestPictures:
    PATH = "/media/ab/abcdef012345.jpg"

    def test_a_cookie_is_good_for_pictures_alone(self, served: Served) -> None:
        key = served.key(platform="p")
        signed = served.send("/v1/session", "POST", key)
        cookie = signed.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path=/media" in cookie
        assert key.rpartition("_")[2] not in cookie
        value = cookie.partition(";")[0]
        answer = served.send(self.PATH, headers={"cookie": f"a=b; {value}"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"].startswith("private")
        assert served.send("/v1/items", headers={"cookie": value}).status_code == 401
        assert served.send("/v1/items/p:i01", "DELETE", headers={"cookie": value}).status_code == 401
        for forged in (
            value[:-1] + "0",
            value.replace(".", ".9", 1),
            "interlace_media=",
            "interlace_media=a.b.c",
            "interlace_media=.",
        ):
            if forged != value:
                assert served.send(self.PATH, headers={"cookie": forged}).status_code == 401, forged
        served.keys.revoke("key 0")
        served.app.api.state.access.keys._next_check = 0.0
        assert served.send(self.PATH, headers={"cookie": value}).status_code == 401

    def test_signing_out_takes_the_cookie_away(self, served: Served) -> None:
        served.send("/v1/session", "POST", served.key())
        assert "Max-Age=0" in served.send("/v1/session", "DELETE").headers["set-cookie"]

    def test_pictures_may_be_open(self, serve: Serve) -> None:
        assert serve(require_keys=True, open_media=True).send(self.PATH).status_code == 200
        assert serve().send(self.PATH).headers["cache-control"].startswith("public")


class TestRates:
    def test_a_bucket_fills_evenly(self) -> None:
        now = [0.0]
        buckets = Buckets(2, 3, clock=lambda: now[0])
        assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]
        assert buckets.take("b") == 0
        now[0] = 0.5
        assert [buckets.take("a"), buckets.take("a")] == [0, 1]
        now[0] = 100
        assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]

    def test_too_many_are_told_when_to_come_again(self, serve: Serve) -> None:
        served = serve(require_keys=True, rate_limit=0.5, rate_burst=2)
        one, other = served.key(), served.key()
        assert [served.send("/v1/items", key=one).status_code for _ in range(3)] == [200, 200, 429]
        answer = served.send("/v1/items", key=one)
        assert 1 <= int(answer.headers["retry-after"]) <= 2
        assert answer.json()["status"] == 429
        assert served.send("/v1/items", key=other).status_code == 200
        assert [served.send("/v1/items").status_code for _ in range(3)] == [401, 401, 429]
        assert served.send("/v1/health").status_code == 200

    def test_bad_keys_are_counted_by_address(self, serve: Serve) -> None:
        served = serve(rate_limit=0.1, rate_burst=2)
        bad = {"authorization": "Bearer ilk_0000000000_0"}
        assert [served.send("/v1/items", headers=bad).status_code for _ in range(3)] == [401, 401, 429]

    def test_a_trusted_proxy_says_whom_it_serves(self, serve: Serve) -> None:
        served = serve(rate_limit=0.1, rate_burst=1, trusted_proxies="127.0.0.1, 10.0.0.1")
        first, second = ({"x-forwarded-for": f"6.6.6.6, {one}, 10.0.0.1"} for one in ("1.2.3.4", "1.2.3.5"))
        assert [served.send("/v1/items", headers=first).status_code for _ in range(2)] == [200, 429]
        assert served.send("/v1/items", headers=second).status_code == 200


def test_keys_are_asked_for_beyond_loopback(two_platforms: Any) -> None:
    from serving.access.access import keys_required

    assert not keys_required(Settings(home=two_platforms))
    assert keys_required(Settings(home=two_platforms, host="0.0.0.0"))
    assert keys_required(Settings(home=two_platforms, require_keys=True))


def test_a_key_lets_the_server_bind_anywhere(served: Served) -> None:
    from graph.errors import Unsupported
    from serving.access.start import refuse_strangers

    anywhere = Settings(home=served.home, host="0.0.0.0")
    served.keys.create("old", "admin", lifetime=-1)
    with pytest.raises(Unsupported, match="interlace keys create"):
        refuse_strangers(anywhere)
    served.key()
    refuse_strangers(anywhere)
