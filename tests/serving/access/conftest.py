"""Homes with keys, and applications that ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.snapshot import IdMap, Snapshot
from serving.access.keys import KeyStore
from serving.app import create_app
from serving.middleware import Wrapped
from serving.publish import publish
from serving.settings import Settings
from tests.serving.conftest import INFO, client
from training.train import everything
from training.zoo import find

OTHERS = "q"
"""The second platform: items from `i15` on and users from `u20` on are there."""


@pytest.fixture(scope="session")
def two_platforms(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose catalogue has the platforms `p` and `q`. Read only."""
    folder = tmp_path_factory.mktemp("two")
    items = tuple(f"{OTHERS}{one[1:]}" if one >= "p:i15" else one for one in snapshot.items.ids)
    users = tuple(f"{OTHERS}{one[1:]}" if one >= "p:u20" else one for one in snapshot.users.ids)
    both = replace(snapshot, items=IdMap(items, "item"), users=IdMap(users, "user"))
    publish(both, find("ease").build().fit(everything(both, None)), home=folder, model=INFO, k_anonymity=1)
    (folder / "media" / "ab").mkdir(parents=True)
    (folder / "media" / "ab" / "abcdef012345.jpg").write_bytes(b"\xff\xd8jpeg")
    return folder


@dataclass(frozen=True)
class Served:
    """An application on a home of its own, and the keys of that home."""

    app: Wrapped
    home: Path
    keys: KeyStore

    def send(self, path: str, method: str = "GET", key: str = "", **options: Any) -> httpx.Response:
        """One request, with a key where one is given."""
        headers = {**({"authorization": f"Bearer {key}"} if key else {}), **options.pop("headers", {})}
        return client(self.app)(path, method, headers=headers, **options)

    def key(self, role: str = "reader", **options: Any) -> str:
        """A new key's text."""
        return self.keys.create(f"key {len(self.keys.all())}", role, **options)[1]

    def audit(self, name: str = "audit.jsonl") -> str:
        """What the log says."""
        path = self.home / name
        return path.read_text() if path.is_file() else ""


Serve = Callable[..., Served]


@pytest.fixture
def serve(two_platforms: Path, tmp_path: Path) -> Iterator[Serve]:
    """Makes an application on a home of its own that shares the published index; settings as given."""
    with ExitStack() as stack:

        def make(**options: Any) -> Served:
            for name in ("index", "media"):
                if not (tmp_path / name).exists():
                    (tmp_path / name).symlink_to(two_platforms / name)
            settings = Settings(home=tmp_path, store="local:" + str(tmp_path / "no-store"), **options)
            app, keys = create_app(settings), KeyStore(tmp_path)
            stack.callback(app.api.state.service.close)
            stack.callback(app.api.state.access.close)
            stack.callback(keys.close)
            return Served(app, tmp_path, keys)

        yield make


@pytest.fixture
def served(serve: Serve) -> Served:
    """An application that asks for keys."""
    return serve(require_keys=True)
