"""A person is erased: no trace is left, others keep all of theirs, the receipt says what was done; killed anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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
from tests.serving.erasure.conftest import OTHER, SECOND, WHO, Served
from training.registry import SAW_ERASED

pytestmark = [pytest.mark.integration, pytest.mark.slow]
ROOT = Path(__file__).parents[3]


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


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from graph.local_store import LocalStore
from serving.erasure.places import PLACES
from serving.erasure.run import Eraser
from serving.progress import Lines
from serving.settings import read_settings

home, url, database, mlflow, number = sys.argv[1:]

def killed(work, erase=PLACES[int(number)].erase):
    erase(work)  # done, and not noted: the worst moment
    os.kill(os.getpid(), signal.SIGKILL)

places = [replace(one, erase=killed) if place == int(number) else one for place, one in enumerate(PLACES)]
store = LocalStore.open(Path(url), database=database)
Eraser(read_settings({"home": home, "store": f"local:{url}", "mlflow": mlflow}), Lines(), places, store).carry_on()
"""


def test_killed_at_every_place_it_goes_on_and_ends_whole(served: Served, tmp_path: Path) -> None:
    begin(served.settings, [WHO], by="test")
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    store, seen = served.shop.store, len(record.still_open(served.home)[0].done)
    for number in range(seen, len(PLACES)):
        arguments = [served.home, store.url.removeprefix("local:"), store.database, served.settings.mlflow, number]
        done = subprocess.run([sys.executable, script, *map(str, arguments)], check=False, capture_output=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
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
