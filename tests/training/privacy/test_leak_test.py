"""A registered version under attack: its run, its card and its description say what came of it."""

from __future__ import annotations

import json

import pytest

from graph.snapshot import Interactions, Snapshot
from tests.training.planted import snapshot_of
from training.cards import FILE, with_section
from training.privacy.leak_test import DOCUMENT, SECTION, leak_test, record
from training.registry import Registry
from training.tracking import Run, Tracker
from training.train import Plan, train

HASH = "d" * 64


@pytest.fixture
def snapshot(planted: Interactions) -> Snapshot:
    return snapshot_of(planted)


@pytest.mark.parametrize("plan", [Plan("ease"), Plan(names=("popularity", "item-knn", "ease"))], ids=["one", "blend"])
def test_what_came_of_it_is_on_the_run_the_card_and_the_version(
    plan: Plan, snapshot: Snapshot, tracker: Tracker
) -> None:
    registry = Registry(tracker)
    report = train(snapshot, HASH, registry, plan, dataset="planted")
    version = registry.find(report.version)
    found = leak_test(registry, version, snapshot)
    assert found.user.auc > 0.6
    for _twice in range(2):
        record(registry, version, found, HASH)
    run = tracker.client.get_run(report.run_id)
    assert run.data.metrics["leak/user_auc"] == pytest.approx(found.user.auc)
    assert run.data.metrics["leak/interaction_high"] == pytest.approx(found.interaction.high)
    logged = Run(tracker, report.run_id, run.info.experiment_id)
    assert json.loads(logged.read_text(DOCUMENT))["user"]["auc"] == pytest.approx(found.user.auc)
    card = logged.read_text(FILE)
    assert card.count(SECTION) == 1, "measured again, it takes the place of the last"
    assert f"{found.user.auc:.3f}" in card
    assert "## Intended use and limits" in card
    described = tracker.client.get_model_version(registry.name, report.version).description
    assert SECTION in described or "the rest" in described
    assert logged.read_text("nothing.txt") == ""


def test_a_section_takes_the_place_of_its_last():
    text = with_section("# A\n\n## One\n\nold\n\n## Two\n\nb\n", "## One", "new")
    assert text == "# A\n\n## One\n\nnew\n\n## Two\n\nb\n"
    assert with_section("# A\n", "## One", "new") == "# A\n\n## One\n\nnew\n"
