"""A home's key: made once whoever comes first, only its owner's to read, and any change of a document shows."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graph.errors import Conflict, InvalidData, NotFound
from serving.signing import KEY, check, public_key, signer, verify


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing was signed"):
        public_key(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        names = {one.name for one in pool.map(lambda _: signer(tmp_path), range(16))}
    assert len(names) == 1
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    assert public_key(tmp_path) == signer(tmp_path).public
    assert sorted(one.name for one in tmp_path.iterdir()) == ["signing.pem", "signing.pub"], "nothing else is left"


def test_a_signature_is_of_these_bytes_by_this_key(tmp_path: Path) -> None:
    ours, theirs = signer(tmp_path / "a"), signer(tmp_path / "b")
    found = ours.sign(b"said")
    assert verify(ours.public, b"said", found)
    assert not verify(ours.public, b"said!", found)
    assert not verify(theirs.public, b"said", found)
    with pytest.raises(InvalidData, match="cannot be read"):
        verify("no key", b"said", found)


def test_any_change_of_a_signed_document_shows(tmp_path: Path) -> None:
    ours, theirs = signer(tmp_path / "a"), signer(tmp_path / "b")
    document = ours.signed({"what": "said", "places": [{"name": "one", "removed": 2}]})
    assert check(document)
    assert check(document, ours.public)
    assert check({name: document[name] for name in reversed(document)}), "the order of members says nothing"
    assert not check(document, theirs.public)
    assert not check({**document, "what": "else"})
    assert not check({**document, "more": 1})
    assert not check({**document, "public_key": theirs.public})
    assert not check({**document, "signature": "!"})
    assert not check({"what": "said"})


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / KEY).write_text("?")
    with pytest.raises(Conflict, match=r"signing\.pem"):
        signer(tmp_path)
