"""What a home signs and anybody can check: one Ed25519 key a home, made at its first signature.

Receipts of erasures are signed with it, and whatever else a home vouches for. `HOME/signing.pem` (mode 0600) is the
key, `HOME/signing.pub` what others check by; each signed document carries its public key, so that who kept that key
from another day sees whether it is still the same home that speaks.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from graph.errors import Conflict, InvalidData, NotFound

KEY, PUBLIC = "signing.pem", "signing.pub"
SIGNATURE, SIGNED_BY = "signature", "public_key"
"""Members of a signed document, beside what it says."""


@dataclass(frozen=True)
class Signer:
    """A home's key. `public`: the public key as PEM."""

    key: Ed25519PrivateKey
    public: str

    @property
    def name(self) -> str:
        """16 hexadecimal digits that tell keys apart."""
        return key_name(self.public)

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self.key.sign(data)

    def signed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document (JSON values) with `public_key` and `signature`; see `check`."""
        whole = {**document, SIGNED_BY: self.public}
        return {**whole, SIGNATURE: base64.b64encode(self.sign(canonical(whole))).decode()}


def signer(home: Path) -> Signer:
    """The key of a home, made where there is none. Raises `Conflict` for a file that holds no Ed25519 key."""
    path = home / KEY
    if not path.is_file():
        _make(path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if not (home / PUBLIC).is_file():
        _write_once(home / PUBLIC, public, 0o644)
    return Signer(key, public.decode())


def public_key(home: Path) -> str:
    """The public key of a home as PEM. Raises `NotFound` where nothing was signed yet."""
    try:
        return (home / PUBLIC).read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise NotFound(f"nothing was signed in {str(home)!r} yet", valid=f"a home with {PUBLIC}",
                       remedy="sign something first: an erasure does") from error  # fmt: skip


def verify(public: str, data: bytes, signature: bytes) -> bool:
    """Did the owner of this public key (PEM) sign this. Raises `InvalidData` for what is no Ed25519 key."""
    try:
        key = load_pem_public_key(public.encode())
    except ValueError as error:
        raise InvalidData("the public key cannot be read", valid="an Ed25519 key as PEM",
                          remedy=f"give the home's {PUBLIC}") from error  # fmt: skip
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidData("the public key is of another kind", valid="Ed25519", remedy=f"give the home's {PUBLIC}")
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def check(document: Mapping[str, Any], public: str = "") -> bool:
    """Is a signed document (`Signer.signed`) what was signed; with `public`, by the owner of that key."""
    try:
        signature = base64.b64decode(document[SIGNATURE], validate=True)
        named = str(document[SIGNED_BY])
    except (KeyError, ValueError, TypeError):
        return False
    said = {name: value for name, value in document.items() if name != SIGNATURE}
    same = not public or key_name(public) == key_name(named)
    return same and verify(named, canonical(said), signature)


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: JSON in UTF-8, members in order of their names, no spaces."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def key_name(public: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key as PEM, white space around it aside."""
    return hashlib.sha256(public.strip().encode()).hexdigest()[:16]


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    _write_once(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)


def _write_once(path: Path, content: bytes, mode: int) -> None:
    """Whole, on disk and of this mode; of several that come at the same time one wins, and its file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(file, content)
        os.fsync(file)
        os.link(aside, path)
    except FileExistsError:
        return
    finally:
        os.close(file)
        aside.unlink()


def _no_key(path: Path) -> Conflict:
    return Conflict(f"{str(path)!r} holds no Ed25519 key", valid="a key as this version made it",
                    remedy="put it back from a back-up, or move it away: another one is made")  # fmt: skip
