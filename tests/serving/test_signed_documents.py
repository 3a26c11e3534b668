"""A home's signed documents: one key whoever comes first, only its owner's to read, and any change shows."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graph.errors import Conflict, InvalidData, NotFound
from serving.signed_documents import SIGNED_BY, check, public_key, signed
from serving.signing import KEY, sign, verified


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing was signed"):
        public_key(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        keys = {one["public_key"] for one in pool.map(lambda _: signed(tmp_path, {"a": 1}), range(16))}
    assert keys == {public_key(tmp_path)}
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == [KEY, "signing.pub"], "nothing else is left"


def test_a_signature_is_of_these_bytes_by_this_key(tmp_path: Path) -> None:
    ours, theirs = (signed(tmp_path / name, {})[SIGNED_BY].encode() for name in "ab")
    found = sign(tmp_path / "a", b"said")
    assert verified(ours, b"said", found)
    assert not verified(ours, b"said!", found)
    assert not verified(theirs, b"said", found)
    with pytest.raises(ValueError, match="PEM"):
        verified(b"no key", b"said", found)
    with pytest.raises(InvalidData, match="cannot be read"):
        check({**signed(tmp_path / "a", {}), SIGNED_BY: "no key"})


def test_any_change_of_a_signed_document_shows(tmp_path: Path) -> None:
    document = signed(tmp_path / "a", {"what": "said", "places": [{"name": "one", "removed": 2}]})
    ours, theirs = document["public_key"], signed(tmp_path / "b", {})["public_key"]
    assert check(document)
    assert check(document, ours)
    assert check({name: document[name] for name in reversed(document)}), "the order of members says nothing"
    assert not check(document, theirs)
    assert not check({**document, "what": "else"})
    assert not check({**document, "more": 1})
    assert not check({**document, "public_key": theirs})
    assert not check({**document, "signature": "!"})
    assert not check({"what": "said"})


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / KEY).write_text("?")
    with pytest.raises(Conflict, match=r"signing\.key"):
        signed(tmp_path, {"a": 1})
