"""Signs what a home vouches for, with Ed25519: manifests of indexes, receipts.

`HOME/signing.key` (mode 0600, PKCS #8) signs and is made when something is signed for the first time;
`HOME/signing.pub` (SubjectPublicKeyInfo) checks, and is all that a machine needs which only reads. Not in a database,
so that a file can be mounted read-only over it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph.errors import Conflict
from graph.whole_files import OWNER_ONLY, write_first, write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY, PUBLIC = "signing.key", "signing.pub"


def sign(home: Path, content: bytes) -> bytes:
    """The 64 bytes of the signature. Raises `Conflict` where there is only the key that checks, or none of ours."""
    return _private(home).sign(content)


def verify(home: Path, content: bytes, signature: bytes) -> bool:
    """Did the key of this home sign exactly this. Raises `Conflict` for no key."""
    path = home / PUBLIC
    try:
        return verified(path.read_bytes(), content, signature)
    except (ValueError, OSError) as error:
        raise _no_key(path) from error


def verified(public: bytes, content: bytes, signature: bytes) -> bool:
    """Did the owner of this public key (PEM) sign exactly this. Raises `ValueError` for what is no Ed25519 key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(public)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"a public key of another kind: {type(key).__name__}")
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def make_key(home: Path) -> None:
    """A pair of keys where there is none. Raises `Conflict` where there is only the key that checks."""
    if not (home / KEY).is_file():
        _make(home)
    elif not can_verify(home):
        write_public(home)


def can_verify(home: Path) -> bool:
    """Is there a key that checks."""
    return (home / PUBLIC).is_file()


def _private(home: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = home / KEY
    if not path.is_file():
        _make(home)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return key


def _make(home: Path) -> None:
    """Of several that make one at the same time the first one's counts."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if can_verify(home):
        if (home / KEY).is_file():  # made meanwhile by another: its private half comes first
            return
        raise Conflict(
            f"{home / PUBLIC} is there without {KEY}: this machine can check signatures and make none",
            valid="a home with both, or with neither",
            remedy=f"publish where {KEY} is; or remove {PUBLIC}, and new keys are made",
        )
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_first(home / KEY, pem, durable=True, mode=OWNER_ONLY)
    write_public(home)


def write_public(home: Path) -> None:
    """`signing.pub`, from `signing.key`."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = _private(home).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_whole(home / PUBLIC, pem, durable=True)


def _no_key(path: Path) -> Conflict:
    return Conflict(
        f"{path} cannot be read as a key",
        valid="an Ed25519 key in PEM, as Interlace made it",
        remedy=f"put the file back; without it, remove {KEY} and {PUBLIC} and publish again",
    )
