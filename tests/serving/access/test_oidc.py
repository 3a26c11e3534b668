"""Tokens of an issuer: keys made here, and every way in which a token can be wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from graph.errors import InvalidData, ProviderUnavailable
from serving.access.caller import Caller, Role
from serving.access.oidc import Issuer, open_issuer
from serving.access.oidc_keys import PAUSE_SECONDS, IssuerKeys, fetched
from serving.access.refusal import Refused
from serving.access.start import refuse_strangers
from serving.observe.logs import log_key, pseudonym
from serving.settings import Settings
from tests.serving.access.conftest import Serve

ISSUER, AUDIENCE = "https://login.example", "interlace"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    kinds = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256", ed25519.Ed25519PrivateKey: "EdDSA"}
    algorithm = next(name for kind, name in kinds.items() if isinstance(key, kind))
    made: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)  # type: ignore[call-overload]
    return {**made, "kid": kid, "use": "sig", **more}


KEYS = {
    "keys": [
        jwk(RSA_KEY, "r"), jwk(EC_KEY, "e"), jwk(ED_KEY, "d"), jwk(OTHER_KEY, "enc", use="enc"),
        {"kty": "oct", "kid": "o", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"},
        {"kty": "RSA", "kid": "broken"},
    ]
}  # fmt: skip


def token(key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "r", **claims: Any) -> str:
    now = int(time.time())
    body = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": now + 600, "iat": now, "roles": ["reader"], **claims}
    body = {name: value for name, value in body.items() if value is not None}
    return jwt.encode(body, key, algorithm, headers={} if kid is None else {"kid": kid})


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(KEYS))
    return path


Open = Callable[..., Issuer]


@pytest.fixture
def issuer(keys_file: Path, tmp_path: Path) -> Open:
    def make(**options: Any) -> Issuer:
        found = open_issuer(
            Settings(home=tmp_path, oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks=str(keys_file), **options)
        )
        assert found is not None
        found.keys.load()
        return found

    return make


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA_KEY, "RS256", "r"), (RSA_KEY, "PS512", "r"), (RSA_KEY, "RS384", None), (EC_KEY, "ES256", "e"),
     (ED_KEY, "EdDSA", "d")],
)  # fmt: skip
def test_a_good_token_is_its_bearer(issuer: Open, key: Any, algorithm: str, kid: str | None) -> None:
    one = issuer()
    text = token(key, algorithm, kid)
    assert one.caller(text)[0] == Caller("oidc:ann", Role.READER)
    assert one.caller(text) == one.caller(text)


def unsigned(head: dict[str, Any], mark: bytes = b"") -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    body = jwt.decode(token(), options={"verify_signature": False})
    return ".".join(
        [part(json.dumps(head).encode()), part(json.dumps({**body, "roles": "admin"}).encode()), part(mark)]
    )


def signed_with_the_public_key(kid: str) -> str:
    """The classic confusion: HS256 with the RSA public key's bytes as the secret."""
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = unsigned({"alg": "HS256", "typ": "JWT", "kid": kid}).rpartition(".")[0]
    mark = hmac.new(pem, head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"


BAD = {
    "expired": token(exp=int(time.time()) - 60),
    "not yet": token(nbf=int(time.time()) + 600),
    "another audience": token(aud="shop"),
    "no audience": token(aud=None),
    "another issuer": token(iss="https://evil.example"),
    "an issuer that begins alike": token(iss=ISSUER + ".evil.example"),
    "no subject": token(sub=None),
    "no end": token(exp=None),
    "an end that is no number": token(exp="never"),
    "another key": token(OTHER_KEY),
    "a key for encryption": token(OTHER_KEY, kid="enc"),
    "another key's id": token(EC_KEY, "ES256", "r"),
    "a shared secret of the issuer's list": token("secret-secret-secret-secret-secret", "HS256", "o"),
    "a shared secret without id": token("secret-secret-secret-secret-secret", "HS256", None),
    "none": unsigned({"alg": "none", "kid": "r"}),
    "None": unsigned({"alg": "None", "kid": "r"}),
    "no algorithm": unsigned({"kid": "r"}),
    "the public key as a secret": signed_with_the_public_key("r"),
    "a list as key id": unsigned({"alg": "RS256", "kid": ["r"]}),
    "a key of its own": unsigned({"alg": "RS256", "jwk": jwk(OTHER_KEY, "x"), "jku": "http://localhost:1", "kid": "x"}),
    "an unknown critical header": jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "sub": "a", "exp": int(time.time()) + 60},
                                             RSA_KEY, "RS256", {"kid": "r", "crit": ["x"], "x": 1}),
    "cut off": token()[:-8],
    "two parts": "a.b",
    "nothing": "..",
    "no text": "\udce9\u00e9.x.y",
    "endless": "a" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused(issuer: Open, name: str) -> None:
    with pytest.raises(Refused) as caught:
        issuer().caller(BAD[name])
    assert caught.value.status == 401
    assert BAD[name] not in str(caught.value)


def test_a_token_that_was_good_ends_on_time(keys_file: Path, tmp_path: Path) -> None:
    now = [time.time()]
    settings = Settings(home=tmp_path, oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks=str(keys_file))
    keys = IssuerKeys(ISSUER, str(keys_file), 3600)
    keys.load()
    one = Issuer(settings, keys, clock=lambda: now[0])
    text = token(exp=int(now[0]) - 20)
    one.caller(text)  # within the leeway of thirty seconds
    assert text not in repr(vars(one))
    now[0] += 20
    keys._keys = ()
    with pytest.raises(Refused):
        one.caller(text)


@pytest.mark.parametrize(
    ("options", "claims", "expected"),
    [
        ({}, {"roles": "writer"}, ("writer", "", "")),
        ({}, {"roles": ["reader", "admin", "root"]}, ("admin", "", "")),
        ({}, {"roles": ["root"]}, None),
        ({}, {"roles": {"admin": True}}, None),
        ({}, {"roles": None}, None),
        ({"oidc_role_claim": "realm_access.roles", "oidc_roles": "ops=admin"}, {"realm_access": {"roles": ["ops"]}},
         ("admin", "", "")),
        ({"oidc_platform_claim": "shop"}, {"shop": "p"}, ("reader", "p", "")),
        ({"oidc_platform_claim": "shop"}, {"shop": "*", "roles": "admin"}, ("admin", "", "")),
        ({"oidc_platform_claim": "shop"}, {}, None),
        ({"oidc_platform_claim": "shop"}, {"shop": ["p", "q"]}, None),
        ({"oidc_user_claim": "sub", "oidc_user_prefix": "p:"}, {"roles": None}, ("reader", "p", "p:ann")),
        ({"oidc_user_claim": "sub", "oidc_user_prefix": "p:"}, {}, ("reader", "", "")),
        ({"oidc_user_claim": "sub"}, {"roles": None}, None),
        ({"oidc_user_claim": "uid", "oidc_user_prefix": "p:"}, {"roles": None}, None),
        ({"oidc_user_claim": "uid", "oidc_user_prefix": "p:"}, {"roles": None, "uid": ""}, None),
    ],
)  # fmt: skip
def test_claims_become_roles_and_bounds(
    issuer: Open, options: Any, claims: Any, expected: tuple[str, str, str] | None
) -> None:
    one = issuer(**options)
    if expected is None:
        with pytest.raises(Refused) as caught:
            one.caller(token(**claims))
        assert caught.value.status == 403
        return
    found = one.caller(token(**claims))[0]
    assert (found.role.word, found.platform, found.user) == expected


@dataclass
class Login:
    """An issuer's server: what it answers, and what it was asked."""

    keys: dict[str, Any]
    issuer: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def login(keys: dict[str, Any]) -> Iterator[Login]:
    state = Login(keys)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", f"{state.issuer}/keys")
                self.end_headers()
                return
            found = {
                "/keys": state.keys,
                "/.well-known/openid-configuration": {"issuer": state.issuer, "jwks_uri": f"{state.issuer}/keys"},
            }
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * (2 << 20) if self.path == "/long" else json.dumps(found[self.path]).encode())

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_keys_are_found_by_discovery_and_read_again_for_a_new_one_but_not_at_will(serve: Serve) -> None:
    with login({"keys": [jwk(RSA_KEY, "r")]}) as state:
        served = serve(require_keys=True, oidc_issuer=state.issuer, oidc_audience=AUDIENCE)
        keys = served.app.api.state.access.issuer.keys
        assert served.send("/v1/items", key=token(iss=state.issuer)).status_code == 200
        assert state.asked == ["/.well-known/openid-configuration", "/keys"]
        state.keys = {"keys": [jwk(OTHER_KEY, "new")]}
        fresh = token(OTHER_KEY, kid="new", iss=state.issuer)
        assert served.send("/v1/items", key=fresh).status_code == 401
        assert len(state.asked) == 2, "a stranger's token makes nobody fetch at will"
        keys._tried_at -= PAUSE_SECONDS + 1
        assert served.send("/v1/items", key=fresh).status_code == 200
        assert len(state.asked) == 4
        keys._tried_at -= PAUSE_SECONDS + 1
        assert served.send("/v1/items", key="no.token.atall").status_code == 401
        assert len(state.asked) == 4
        state.issuer = "http://elsewhere"
        with pytest.raises(InvalidData, match="calls itself"):
            keys.load()
        assert served.send("/v1/items", key=fresh).status_code == 200, "what was known stays"


def test_addresses_are_https_without_redirects_and_answers_are_short() -> None:
    for address in ("http://login.example/keys", "ftp://localhost/x", "file:///etc/passwd", ""):
        with pytest.raises(InvalidData, match="address"):
            fetched(address)
    with login(KEYS) as state:
        assert fetched(f"{state.issuer}/keys")["keys"]
        with pytest.raises(ProviderUnavailable, match="302"):
            fetched(f"{state.issuer}/moved")
        assert "/keys" not in state.asked[1:]
        with pytest.raises(InvalidData, match="more than"):
            fetched(f"{state.issuer}/long")
    with pytest.raises(ProviderUnavailable):
        fetched(f"{state.issuer}/keys")


def test_the_settings_are_checked_before_the_server_listens(keys_file: Path, tmp_path: Path) -> None:
    good = {"home": tmp_path, "host": "0.0.0.0", "oidc_issuer": ISSUER, "oidc_audience": AUDIENCE}
    refuse_strangers(Settings(**good, oidc_jwks=str(keys_file)))
    with pytest.raises(InvalidData, match="audience"):
        refuse_strangers(Settings(**{**good, "oidc_audience": ""}, oidc_jwks=str(keys_file)))
    with pytest.raises(InvalidData, match="cannot read"):
        refuse_strangers(Settings(**good, oidc_jwks=str(tmp_path / "missing.json")))
    with pytest.raises(InvalidData, match="OIDC_ROLES"):
        refuse_strangers(Settings(**good, oidc_jwks=str(keys_file), oidc_roles="staff=king"))
    keys_file.write_text('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}')
    with pytest.raises(InvalidData, match="no key that can be used"):
        refuse_strangers(Settings(**good, oidc_jwks=str(keys_file)))


def test_a_users_token_of_the_issuer_sees_only_the_user(serve: Serve, keys_file: Path) -> None:
    served = serve(
        require_keys=True, oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks=str(keys_file),
        oidc_user_claim="uid", oidc_user_prefix="p:",
    )  # fmt: skip
    served.app.api.state.access.issuer.keys.load()
    mine = token(roles=None, uid="u01")
    assert served.send("/v1/users/p:u01", key=mine).status_code == 200
    assert served.send("/v1/users/p:u02", key=mine).status_code == 403
    cookie = served.send("/v1/session", "POST", mine).headers["set-cookie"].partition(";")[0]
    assert served.send("/media/ab/abcdef012345.jpg", headers={"cookie": cookie}).status_code == 200
    written = served.audit()
    assert f'"caller":"oidc:{pseudonym(log_key(served.home), "ann")}"' in written, "a person's name at their issuer"
    assert "ann" not in written


def test_who_has_a_role_answers_for_it_by_name(serve: Serve, keys_file: Path) -> None:
    served = serve(require_keys=True, oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks=str(keys_file))
    served.app.api.state.access.issuer.keys.load()
    assert served.send("/v1/users/p:u01", "DELETE", token()).status_code == 403
    assert '"caller":"oidc:ann"' in served.audit()
