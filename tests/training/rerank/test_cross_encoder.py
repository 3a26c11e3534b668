"""The cross-encoder is transformers' BERT, learns what the first stage does not know, and keeps to its time."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

from graph.errors import InvalidData, Unsupported
from tests.training.planted import planted_interactions, snapshot_of
from tests.training.rerank.pools import planted_pool
from training.rerank import bert as network
from training.rerank.bert import pair_bert, read_bert, shipped
from training.rerank.cross_encoder import CrossEncoder, CrossEncoderConfig, Reader, drawn
from training.rerank.cross_fit import cross_fit
from training.rerank.losses import LOSSES
from training.rerank.texts import ItemTexts, Tokenizer, item_texts

KINDS = ("war", "love", "space", "music")
CPU = torch.device("cpu")
SMALL = CrossEncoderConfig(
    user_tokens=12, item_tokens=6, last=5, learning_rate=3e-3, epochs=8, batch_size=8, stop_users=60, start=0.0
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A BERT of two narrow layers with random weights and the shipped word pieces."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "initializer_range": 0.15,
    }
    torch.manual_seed(0)
    model = BertModel(BertConfig(**sizes, vocab_size=30522), add_pooling_layer=False)
    save_file(model.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**sizes, "vocab_size": 30522}))
    shutil.copy(shipped() / "tokenizer.json", folder)
    return folder


@pytest.fixture(scope="module")
def planted():
    """Items of four kinds; users chose one kind; the title tells it."""
    pool, _ = planted_pool()
    titles = tuple(f"{KINDS[item % 4]} {item}" for item in range(80))
    return pool, ItemTexts(titles, titles)


@pytest.fixture
def exact(monkeypatch):
    """In 32 bits, also where the processor has less."""
    monkeypatch.setattr(network, "autocast", lambda _device: torch.autocast("cpu", enabled=False))


def test_with_all_layers_joined_it_is_transformers_bert(folder, planted, exact):
    pool, texts = planted
    reader = Reader(folder, texts, replace(SMALL, joined=2), CPU)
    fitted = CrossEncoder(replace(SMALL, joined=2), reader)
    tokenizer = Tokenizer(folder, texts, user_tokens=12, item_tokens=6, last=5)
    users, items = tokenizer.users(pool.held_out.histories), tokenizer.items(pool.items[:, 0])
    ids, real = (np.concatenate(pair, 1) for pair in ((users.ids, items.ids), (users.real, items.real)))
    kinds = np.repeat([[0] * 12 + [1] * 6], len(ids), 0)
    with torch.no_grad():
        states = read_bert(folder)(*(torch.from_numpy(one) for one in (ids, real.astype(np.int64), kinds)))[0]
        wanted = reader.joined.head(states[:, 0])[:, 0].numpy()
    assert fitted.score(pool)[:, 0] == pytest.approx(wanted, abs=0.003)  # states are kept in bfloat16
    assert wanted.std() > 0.01


def test_lower_layers_are_frozen_and_shared_upper_ones_learn(folder, planted):
    pool, texts = planted
    reader = Reader(folder, texts, replace(SMALL, joined=1), CPU)
    before = {name: one.clone() for name, one in reader.joined.state_dict().items()}
    fitted = CrossEncoder(replace(SMALL, joined=1, epochs=1), reader).fit(pool, pool)
    assert all(torch.equal(one, before[name]) for name, one in reader.joined.state_dict().items())
    assert not torch.equal(fitted.parameters["head.weight"], before["head.weight"])


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns_from_texts_for_users_it_did_not_see(folder, planted, loss):
    (pool, _), (_, texts) = planted_pool(users=60, groups=1), planted  # everybody chooses what is of war
    config = replace(SMALL, loss=loss)
    reader = Reader(folder, texts, config, CPU)
    scores = cross_fit(lambda train, stop: CrossEncoder(config, reader).fit(train, stop), pool, folds=2).score(pool)
    assert pool.ndcg(pool.ordered(scores)) > pool.ndcg(pool.ordered(pool.scores)) + 0.05


def test_it_starts_from_the_first_stage(folder, planted):
    pool, texts = planted
    reader = Reader(folder, texts, SMALL, CPU)
    none, much = (CrossEncoder(replace(SMALL, start=start), reader).score(pool) for start in (0.0, 1000.0))
    assert (pool.ordered(much) == pool.ordered(pool.scores)).all()
    assert (pool.ordered(none) != pool.ordered(pool.scores)).any()


def test_it_ends_when_its_time_is_over(folder, planted):
    pool, texts = planted
    reader = Reader(folder, texts, SMALL, CPU)
    said: list[str] = []
    began = time.monotonic()
    CrossEncoder(replace(SMALL, epochs=100_000, patience=10**9), reader, said.append).fit(pool, pool, seconds=0.5)
    assert time.monotonic() - began < 5
    assert said


def test_a_training_list_has_relevant_and_other_candidates(planted):
    pool, _ = planted
    rows = np.flatnonzero(pool.relevant.any(1))[:20]
    places = drawn(pool, rows, replace(SMALL, length=6, positives=2), np.random.default_rng(0))
    hits = np.take_along_axis(pool.relevant[rows], places, 1).sum(1)
    assert (hits == np.minimum(pool.relevant[rows].sum(1), 2)).all()
    assert all(len(set(row)) == 6 for row in places.tolist())
    short = drawn(pool.best(4), rows, replace(SMALL, length=6), np.random.default_rng(0))
    assert (short[:, 4:] == -1).all()


def test_the_newest_distinct_items_come_first_within_their_bound(planted):
    pool, texts = planted
    tokenizer = Tokenizer(shipped(), texts, user_tokens=7, item_tokens=4, last=2)
    words = tokenizer._pieces
    row = tokenizer.users(pool.held_out.histories)
    history = pool.held_out.histories
    newest = history.items[history.indptr[1] - 1]
    assert words.decode(row.ids[0][:3].tolist(), skip_special_tokens=False).startswith(
        f"[CLS] {texts.titles[newest].split()[0]}"
    )
    assert row.ids.shape == (len(pool), 7)
    assert words.decode(tokenizer.items(np.array([5])).ids[0].tolist()) == texts.texts[5]


def test_texts_name_title_year_kinds_and_text():
    snapshot = snapshot_of(planted_interactions(6, 2))
    table = pa.table({"id": ["a", "b"], "title": ["Alien", None], "year": [1979, None], "text": ["A ship.", "Text"]})
    found = item_texts(replace(snapshot, item_properties=table), None)
    assert found.texts == ("Alien (1979). A ship.", "Text")
    assert found.titles == ("Alien", "Text")


def test_a_catalogue_without_texts_is_refused_with_a_remedy():
    with pytest.raises(Unsupported, match="without titles") as error:
        item_texts(snapshot_of(planted_interactions(6, 4)), None)
    assert "--ways" in error.value.remedy


def test_wrong_settings_are_refused(folder, planted):
    with pytest.raises(InvalidData, match="3 joined layers"):
        pair_bert(folder, joined=3, seed=0, device=CPU)
    with pytest.raises(InvalidData, match="loss 'hinge'"):
        CrossEncoder(replace(SMALL, loss="hinge"), Reader(folder, planted[1], SMALL, CPU))


def test_the_shipped_weights_are_read_whole():
    with torch.no_grad():
        parts = pair_bert(shipped(), joined=2, seed=0, device=CPU)
    assert sum(len(part.layers) for part in parts) == 6
    assert not any(one.requires_grad for one in parts[0].parameters())
