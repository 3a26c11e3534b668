"""The arrows between the packages, as the command line, the demo and the refresh job call them.

Graph -> snapshot (kept in `HOME/snapshots/HASH`) -> training -> champion -> published index. Not part of the request
path: this file imports `training`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from graph.consent import Defaults
from graph.consent_snapshot import obeyed
from graph.errors import InvalidData
from graph.ingest import recover
from graph.snapshot import Snapshot
from graph.snapshot_files import load
from graph.snapshot_fresh import SNAPSHOTS, How, Taken, keep_part, take_snapshot, version_of
from graph.store import GraphStore
from serving.consent import Consents
from serving.consent_graph import say_again
from serving.events import EventLog
from serving.flush import flush
from serving.index import MANIFEST, ModelInfo
from serving.kept_snapshots import MODELS, tidy_snapshots
from serving.overlay import Overlay
from serving.publish import publish
from serving.settings import Settings
from training.gate import Guards
from training.model_files import check_snapshot, read_card
from training.registry import Registry, Version
from training.tracking import open_tracker
from training.train import everything


@dataclass(frozen=True)
class Frozen:
    """A snapshot, its content hash, and what of the graph was read for it now."""

    snapshot: Snapshot
    hash: str
    how: How = "nothing"

    @property
    def dataset(self) -> str:
        """The platforms whose items it holds: the name of its MLflow experiment."""
        return "+".join(sorted({identity.partition(":")[0] for identity in self.snapshot.items.ids}))


def freeze(store: GraphStore, home: Path, defaults: Defaults, *, full: bool = False) -> Frozen:
    """The graph as a snapshot, which is kept, without what people did not agree to (`graph.consent_snapshot`);
    `defaults`: what the silence of others means. Raises `InvalidData` for a graph without interactions.

    A kept snapshot is brought up to date where the changes since are known, else (or with `full`) everything is read.
    An ingest that was killed is finished or taken back first: a snapshot never holds half of one.
    """
    recover(store, home)
    flush(store, home)
    taken = take_snapshot(store, home, full=full)
    frozen = _obeyed(home, taken, defaults)
    if not len(frozen.snapshot.interactions):
        raise InvalidData(
            f"the graph at {store.url!r} holds no interactions that may be learned from",
            valid="a graph with users who did not withhold their consent, items, and what the users did",
            remedy="interlace ingest PATH --platform NAME (or interlace demo)",
        )
    return frozen


def _obeyed(home: Path, taken: Taken, defaults: Defaults) -> Frozen:
    with closing(Consents(home, defaults)) as consents:
        snapshot = obeyed(taken.snapshot, defaults, consents.said())
        say_again(consents, taken.snapshot)
    if snapshot is taken.snapshot:
        return Frozen(snapshot, taken.hash, taken.how)
    return Frozen(snapshot, keep_part(home, taken.hash, snapshot), taken.how)


def thaw(home: Path, snapshot_hash: str) -> Frozen:
    """A kept snapshot."""
    return Frozen(load(home / SNAPSHOTS / snapshot_hash), snapshot_hash)


def open_registry(address: str, *, guards: Guards | None = None) -> Registry:
    """The model registry at an MLflow address. `guards`: what a promotion may not make worse."""
    return Registry(open_tracker(address), guards=guards)


def guards_of(settings: Settings, changes: Mapping[str, float] | None = None) -> Guards:
    """The guards of the settings, some of them changed for one command."""
    names = [one.name for one in fields(Guards)]
    return Guards.of(changes or {}, Guards(**{name: getattr(settings, f"guard_{name}") for name in names}))


def publish_version(
    frozen: Frozen,
    registry: Registry,
    version: Version,
    home: Path,
    progress: Callable[[str], None] | None = None,
    *,
    k_anonymity: int,
    current: bool = True,
) -> Path:
    """Publishes the index of a model version; `current` False: beside the current one, for experiments and shadows.
    `k_anonymity`: see `Settings`.

    Raises `Conflict` for a model of another snapshot.
    """
    folder = registry.folder(version)
    card = read_card(folder)
    check_snapshot(card, frozen.hash)
    info = ModelInfo(card.model, version.version, card.metrics, version.run_id)
    known = everything(frozen.snapshot, card.min_value).histories
    published = publish(
        frozen.snapshot,
        registry.load(version),
        home=home,
        model=info,
        snapshot_hash=frozen.hash,
        histories=known,
        min_value=card.min_value,
        k_anonymity=k_anonymity,
        sessions=card.sessions,
        learn_events=not card.privacy,
        created=datetime.fromtimestamp(version.created / 1000, UTC).isoformat(timespec="seconds"),
        current=current,
        progress=progress,
    )
    _settle_overlay(home, published, frozen.hash)
    versions = registry.list_models()
    tidy_snapshots(home, [frozen.hash, *(one.snapshot for one in versions[:MODELS]), *_in_use(versions)])
    return published


def _settle_overlay(home: Path, published: Path, snapshot: str) -> None:
    """What the new index holds itself is no longer laid over it; what no kept index needs goes."""
    version = version_of(home, snapshot)
    kept = [path.name for path in published.parent.iterdir() if (path / MANIFEST).is_file()]
    with closing(Overlay(home)) as overlay, closing(EventLog(home)) as log:
        for one in (overlay, log):
            if version is not None:
                one.covers(published.name, version)
            one.tidy(kept)


def _in_use(versions: list[Version]) -> list[str]:
    return [one.snapshot for one in versions if one.aliases]
