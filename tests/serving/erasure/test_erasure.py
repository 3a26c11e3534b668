"""A person is erased: no trace is left, others keep all of theirs, the receipt says what was done; killed anywhere."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from graph import erased
from serving.erasure import record
from serving.erasure.begin import begin
from serving.erasure.check import checked
from serving.erasure.places import PLACES, owner
from serving.erasure.run import search
from serving.erasure.search import traces
from serving.erasure.wanted import wanted_names
from serving.index import open_index
from serving.signed_documents import check
from tests.forks import Forks
from tests.serving.erasure.conftest import OTHER, SECOND, WHO, Served
from training.registry import SAW_ERASED

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def places(served: Served, user: str) -> list[str]:
    return [one.place for one in search(served.settings, [user], served.shop.store)]


def owners(served: Served, user: str) -> set[str]:
    """Places of the home with something of a user."""
    wanted = wanted_names([user], (), ())
    paths = (Path(one.place.split(" (")[0]) for one in traces([served.home], wanted))
    return {owner(str(path.relative_to(served.home))) for path in paths}


def test_no_trace_is_left_and_others_keep_theirs(served_anywhere: Served) -> None:
    served = served_anywhere
    _every_file_has_an_owner(served)
    assert len(places(served, WHO)) > 15
    others = owners(served, OTHER)
    assert {"answers", "events", "keys", "shown", "indexes", "snapshots", "files"} <= others
    (receipt,) = served.erase(WHO)
    assert receipt["left"] == {}
    assert places(served, WHO) == places(served, SECOND) == []
    assert others - owners(served, OTHER) <= {"changes", "answers"}, "what named her too, and what the graph holds"
    blocked = served.shop.store.query("MATCH (u:User {id: $id}) RETURN u.blocked", {"id": "shop:u5"}).rows
    assert blocked == [([OTHER],)]
    assert not record.still_open(served.home)
    _the_receipt_names_nobody(served, receipt)
    _models_that_saw_her_serve_no_more(served)
    _a_source_brings_nobody_back(served)


def _every_file_has_an_owner(served: Served) -> None:
    """A new store of anything in a home has to be named in `serving.erasure.places`."""
    files = [str(path.relative_to(served.home)) for path in served.home.rglob("*") if path.is_file()]
    mlflow = ("mlflow.db", "artifacts/")  # of this test's home alone
    assert [one for one in files if not owner(one) and not one.startswith(mlflow)] == []
    assert not owners(served, WHO) & {"", "nothing personal"}


def _the_receipt_names_nobody(served: Served, receipt: dict[str, object]) -> None:
    assert check(receipt)
    assert WHO not in json.dumps(receipt)
    assert isinstance(receipt["places"], list)
    removed = {one["place"]: one["removed"] for one in receipt["places"]}
    assert list(removed) == [place.name for place in PLACES]
    assert removed["events"]["events"] == 1
    assert removed["keys"]["keys"] == 1
    assert removed["graph"]["users"] == 2, "on both platforms"
    assert removed["graph"]["relationships"] > 10
    assert removed["republish"] == {"published": 1}
    path = served.home / record.FOLDER / f"{receipt['erasure']}.json"
    assert json.loads(path.read_text()) == receipt
    assert checked(served.settings, str(path), served.shop.store)["traces"] == {}
    (served.home / "note.txt").write_text(f"{WHO} was here")
    assert list(checked(served.settings, str(path), served.shop.store)["traces"]) == [f"{served.home / 'note.txt'}"]
    (served.home / "note.txt").unlink()
    path.write_text(json.dumps({**receipt, "left": {"x": 1}}))
    assert not checked(served.settings, str(path), served.shop.store)["signature"]


def _models_that_saw_her_serve_no_more(served: Served) -> None:
    from serving.workflow import open_registry

    versions = open_registry(served.settings.mlflow).list_models()
    champion, *before = versions
    assert champion.champion
    assert SAW_ERASED not in champion.tags
    assert all(SAW_ERASED in one.tags for one in before)


def _a_source_brings_nobody_back(served: Served) -> None:
    served.shop.write(title="Movie")  # the source has changed, and names her still
    served.shop.refresh()
    assert WHO in erased.read(served.home)
    assert places(served, WHO) == []
    assert OTHER.encode() in set(open_index(served.home).user_ids)  # type: ignore[call-overload]


def test_killed_at_every_place_it_goes_on_and_ends_whole(served: Served, tmp_path: Path) -> None:
    begin(served.settings, [WHO], by="test")
    store, seen = served.shop.store, len(record.still_open(served.home)[0].done)
    target = {
        "home": str(served.home),
        "local": store.url.removeprefix("local:"),
        "database": store.database,
        "mlflow": served.settings.mlflow,
    }
    with Forks("tests.serving.erasure.killed", tmp_path / "killed.log") as forks:
        for number in range(seen, len(PLACES)):
            assert forks.order(**target, number=number) == -signal.SIGKILL, forks.said()
            (still,) = record.still_open(served.home)
            assert PLACES[number].name not in still.done
    (receipt,) = served.carry_on()
    assert receipt["left"] == {}
    assert places(served, WHO) == []
    assert places(served, OTHER)


def test_a_trace_that_is_left_keeps_the_erasure_open(served: Served) -> None:
    odd = served.home / "unknown.bin"
    odd.write_bytes(b"\x00\x07shop:u1\x00")
    (receipt,) = served.erase(WHO, whole=False)
    assert list(receipt["left"]) == [str(odd)]
    assert places(served, SECOND), "on this platform alone"
    odd.unlink()
    (again,) = served.carry_on()
    assert again["left"] == {}
    assert not record.still_open(served.home)
