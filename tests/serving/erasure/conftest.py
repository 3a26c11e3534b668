"""A shop that was refreshed and served: a home with something of its users in every place."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graph.schema import KINDS, USER_BLOCKED, Entity, Triple
from graph.store import GraphStore
from serving.access.audit import FILE as AUDIT
from serving.access.audit import AuditLog
from serving.access.keys import KeyStore
from serving.corrections import Corrections
from serving.erasure.begin import begin
from serving.erasure.run import Eraser
from serving.events import Event, EventLog
from serving.exposures import Exposure, ExposureLog, Shadowed
from serving.overlay import Overlay
from serving.progress import Lines
from serving.settings import Settings, read_settings
from tests.serving.test_refresh import Shop, open_shop, shop

__all__ = ["shop"]
WHO, OTHER, SECOND = "shop:u1", "shop:u10", "web:u1"
"""Who is erased, whose id hers is a part of, and she herself on another platform."""


@dataclass
class Served:
    """The shop's home, once it was served."""

    shop: Shop
    settings: Settings

    @property
    def home(self) -> Path:
        return self.shop.home

    def erase(self, *users: str, whole: bool = True) -> list[dict[str, Any]]:
        begin(self.settings, users, by="test", whole=whole)
        return self.carry_on()

    def carry_on(self) -> list[dict[str, Any]]:
        return Eraser(self.settings, Lines(), store=self.shop.store).carry_on()


@pytest.fixture
def local_home(tmp_path: Path) -> Path:
    """A store of its own: what other tests left in theirs is found as well, and rightly."""
    return tmp_path / "store"


@pytest.fixture
def served(shop: Shop) -> Served:
    return serve(shop)


@pytest.fixture
def served_anywhere(
    any_store: GraphStore, fresh_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Served:
    """The same on each store in turn."""
    return serve(open_shop(any_store, fresh_mlflow, tmp_path, monkeypatch))


def serve(shop: Shop) -> Served:
    """Everything that a home keeps of a user, kept of `WHO` and of `OTHER`."""
    shop.refresh()
    store, home = shop.store, shop.home
    store.ensure_schema(["User", "Person"])
    store.write([Entity("User", SECOND, {"platform": "web"}), Entity("Person", "person:1")])
    store.write(triples=[Triple(one, "IS", "person:1", "User", "Person") for one in (WHO, SECOND)])
    store.write([Entity("User", "shop:u5", {USER_BLOCKED: [WHO, OTHER]})])
    for name, fill in (("events", _events), ("shown", _shown), ("rest", _rest)):
        assert name
        fill(home)
    shop.refresh()
    return Served(shop, read_settings({"home": home, "store": store.url, "mlflow": f"sqlite:///{home}/mlflow.db"}))


def _events(home: Path) -> None:
    with closing(EventLog(home)) as log:
        log.add([Event(f"{one} e1", one, "shop:i2", KINDS.index("liked"), None, 1_700_000_000) for one in (WHO, OTHER)])


def _shown(home: Path) -> None:
    with closing(ExposureLog(home)) as log:
        for one in (WHO, OTHER):
            log.add([Exposure("r1", one, 1, "v", {}, ["shop:i1"]), Shadowed("r2", one, 1, "v", "w", [], [], 1.0, 1.0)])


def _rest(home: Path) -> None:
    with closing(Corrections(home)) as corrections, closing(KeyStore(home)) as keys, closing(Overlay(home)) as overlay:
        for place, one in enumerate((WHO, OTHER)):
            corrections.remove(one, ("Genre", "Horror"))
            keys.create(f"app {place}", "reader", user=one)
            overlay.put_user(one, {"name": f"N{place}"})
        overlay.put_user("shop:u7", {USER_BLOCKED: [WHO, OTHER]})
    with closing(AuditLog(home / AUDIT, 1 << 20)) as audit:
        for one in (WHO, OTHER):
            audit.write({"caller": "local", "act": "PUT /v1/users/{id}", "target": one})
    (home / "log").mkdir(exist_ok=True)
    (home / "log" / "notes.log").write_text(f"said of {WHO}: x\nGET /v1/users/shop%3Au1/export\nof {OTHER}, too\n")
    (home / "lists.csv").write_text(f'"user","rank","item"\n"{WHO}",1,"shop:i1"\n"{OTHER}",1,"shop:i1"\n')
