"""What a snapshot leaves out for want of consent; what silence means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from graph.consent import PURPOSES, RECOMMENDATION, TRANSFER, Defaults, property_of
from graph.consent_snapshot import obeyed, withheld
from graph.errors import InvalidData
from graph.snapshot import Snapshot
from tests.serving.samples import sample_snapshot

ALL = Defaults()
ANN, BOB, CLEO = "p:u01", "p:u02", "p:u03"


@pytest.fixture
def snapshot() -> Snapshot:
    sample = sample_snapshot()
    place = sample.users.position
    return replace(
        sample,
        friendships=np.array([[place(ANN), place(BOB)], [place(BOB), place(CLEO)]], np.int32),
        identities={place(ANN): "person:1", place(BOB): "person:1", place(CLEO): "person:2"},
        user_properties=sample.user_properties.append_column("id", pa.array(sample.users.ids)),
    )


def with_property(snapshot: Snapshot, purpose: str, values: dict[str, object]) -> Snapshot:
    column = pa.array([values.get(user) for user in snapshot.users.ids])
    return replace(snapshot, user_properties=snapshot.user_properties.append_column(property_of(purpose), column))


def test_where_all_agree_the_snapshot_is_the_same_object(snapshot: Snapshot) -> None:
    assert obeyed(snapshot, ALL) is snapshot
    assert obeyed(snapshot, ALL, [(ANN, purpose, True) for purpose in PURPOSES]) is snapshot


def test_without_recommendation_nothing_but_the_id_is_left(snapshot: Snapshot) -> None:
    found, place = obeyed(snapshot, ALL, [(ANN, RECOMMENDATION, False)]), snapshot.users.position(ANN)
    assert found.users is snapshot.users
    assert place not in found.interactions.user
    assert len(found.interactions) == len(snapshot.interactions) - (snapshot.interactions.user == place).sum()
    assert not (found.friendships == place).any()
    assert len(found.friendships) == 1
    assert place not in found.identities
    row = found.user_properties.slice(place, 1).to_pylist()[0]
    assert row["age"] is None
    assert row["id"] == ANN


def test_without_transfer_only_the_identity_is_gone(snapshot: Snapshot) -> None:
    found, place = obeyed(snapshot, ALL, [(ANN, TRANSFER, False)]), snapshot.users.position(ANN)
    assert place not in found.identities
    assert len(found.identities) == 2
    assert len(found.interactions) == len(snapshot.interactions)
    assert found.user_properties.equals(snapshot.user_properties)


@pytest.mark.parametrize("no", [False, "false", "False", "0"])
def test_a_source_may_say_it(snapshot: Snapshot, no: object) -> None:
    said = with_property(snapshot, TRANSFER, {ANN: no, BOB: type(no)("true") if isinstance(no, str) else True})
    assert withheld(said, TRANSFER, ALL).nonzero()[0].tolist() == [snapshot.users.position(ANN)]


def test_what_a_user_said_counts_before_what_a_source_says(snapshot: Snapshot) -> None:
    said = with_property(snapshot, TRANSFER, {ANN: False, BOB: True})
    assert not withheld(said, TRANSFER, ALL, [(ANN, TRANSFER, True)]).any()
    assert withheld(said, TRANSFER, ALL, [(BOB, TRANSFER, False)]).sum() == 2
    assert withheld(said, TRANSFER, Defaults.of("transfer"), [(ANN, TRANSFER, None)]).sum() == len(said.users) - 1


def test_silence_is_what_the_setting_says_by_platform(snapshot: Snapshot) -> None:
    assert withheld(snapshot, TRANSFER, Defaults.of("shop:transfer")).sum() == 0
    assert withheld(snapshot, TRANSFER, Defaults.of("p:transfer")).all()
    assert withheld(snapshot, TRANSFER, Defaults.of(" transfer , explanation")).all()
    assert Defaults.of("shop:transfer").granted("p:ann", TRANSFER)
    assert not Defaults.of("shop:transfer").granted("shop:ann", TRANSFER)
    agreeing = withheld(snapshot, RECOMMENDATION, Defaults.of("recommendation"), [(ANN, RECOMMENDATION, True)])
    assert (~agreeing).nonzero()[0].tolist() == [snapshot.users.position(ANN)]


def test_a_purpose_that_there_is_not() -> None:
    with pytest.raises(InvalidData, match="the purpose 'marketing'") as caught:
        Defaults.of("transfer,shop:marketing")
    assert "recommendation, transfer, explanation" in str(caught.value)
