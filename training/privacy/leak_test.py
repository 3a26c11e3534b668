"""A registered model's recipe under attack (`training.privacy.membership`), and what came of it on its card and run.

The registered model itself was fitted on everybody, so nobody is left to tell members from others by: models of the
same settings are fitted on halves of the present data and attacked in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graph.snapshot import Snapshot
from training.cards import FILE, description, with_section
from training.fitted import everything
from training.model_files import build, read_card, typed_settings
from training.privacy.membership import MODELS, Leakage, leakage
from training.refit import refit
from training.registry import Registry, Version
from training.tracking import Run
from training.zoo import ZOO, find

DOCUMENT = "leak_test.json"
SECTION = "## Membership inference"


def leak_test(
    registry: Registry,
    version: Version,
    snapshot: Snapshot,
    *,
    models: int = MODELS,
    seed: int = 42,
    progress: Callable[[str], None] = lambda _text: None,
) -> Leakage:
    """Attacks the recipe of a version on this snapshot. Raises `InvalidData` where there are too few people for it."""
    card = read_card(registry.folder(version))
    recommender = build(card)
    config = find(card.model).config(typed_settings(card.settings)) if card.model in ZOO else None
    data = everything(snapshot, card.min_value, seed)
    return leakage(
        lambda part: refit(recommender, config, part), data, models=models, seed=seed, progress=progress
    )  # fmt: skip


def record(registry: Registry, version: Version, found: Leakage, snapshot_hash: str) -> None:
    """Into the version's run (metrics `leak/…`, a document), its model card and its description."""
    client = registry.tracker.client
    run = Run(registry.tracker, version.run_id, client.get_run(version.run_id).info.experiment_id)
    for name, attack in _attacks(found):
        run.metrics({key: attack[key] for key in ("auc", "low", "high", "sure")}, prefix=f"leak/{name}_")
    run.flush()
    run.document({**found.as_dict(), "snapshot": snapshot_hash}, DOCUMENT)
    text = with_section(run.read_text(FILE), SECTION, "\n".join(_lines(found, snapshot_hash)))
    run.text(text, FILE)
    client.update_model_version(registry.name, version.version, description=description(text))


def _attacks(found: Leakage) -> Iterator[tuple[str, Mapping[str, Any]]]:
    document = found.as_dict()
    yield from ((name, document[name]) for name in ("user", "interaction"))


def _lines(found: Leakage, snapshot_hash: str) -> Iterator[str]:
    yield (f"Measured on {found.models} models of these settings, each fitted on half of the users of snapshot "
           f"`{snapshot_hash[:12]}`; {found.users:,} users were asked about. Threat: {found.threat}.")  # fmt: skip
    yield ""
    yield "| was it in the training data | AUC of the attack (0.5: a guess) | 95% interval | found at 1% false alarms |"
    yield "|---|---|---|---|"
    for name, attack in _attacks(found):
        yield (f"| this {name} | {attack['auc']:.3f} | [{attack['low']:.3f}, {attack['high']:.3f}] | "
               f"{attack['sure']:.1%} |")  # fmt: skip
    yield ""
    yield "An area of 0.5 says that this attack learns nothing, not that no attack does."
