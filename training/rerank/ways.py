"""The ways to re-rank, as data: each takes a stage (candidates of validation and test) and gives lists for test.

Between the first stage and the table. What a way has to choose it chooses on validation: how much diversity may cost,
rounds and epochs by other users than those learned from, the learned score's weight beside the first stage's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import Unsupported
from graph.snapshot import Snapshot
from training.beyond import attribute_vectors, calibration, diversity, embedding_vectors
from training.rerank.calibration import calibrate, proportions
from training.rerank.cross_fit import CrossFitted, cross_fit
from training.rerank.diversity import dpp, mmr
from training.rerank.features import ItemFacts
from training.rerank.lambdamart import GRID, LambdaMART, import_lightgbm
from training.rerank.language import Judge
from training.rerank.pool import LIST, Pool

TRADES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Weights of diversity or calibration that validation chooses from."""
TREE_FOLDS = 4
TEXT_FOLDS = 2
TEXT_CANDIDATES = 20
"""So many are read by a cross-encoder."""
TEXT_SHARE = 0.6
"""Of a cross-encoder's time, for fitting; the rest is for reading the candidates."""

Lister = Callable[[Pool, float], NDArray[np.int32]]


@dataclass(frozen=True)
class Stage:
    """`validation` to learn and choose on, `test` to make lists for. `keep`: share of validation's ndcg@10 that a more
    diverse or calibrated list must keep. `seconds`: for the cross-encoders together. `members_cpu_s`: what the fits
    cost whose scores only features are. `vectors`: what diversity is measured by, None where nothing is known of items.
    `judge`: a language model, where one is asked.
    """

    validation: Pool
    test: Pool
    facts: ItemFacts
    snapshot: Snapshot
    keep: float
    seconds: float
    note: Callable[[str], None]
    seed: int = 42
    members_cpu_s: float = 0.0
    vectors: csr_matrix | NDArray[np.float32] | None = None
    judge: Judge | None = None


@dataclass(frozen=True)
class Reranked:
    """Test `lists` (users, 10) of one way, `chosen` in words. `alone`: ndcg@10 of the learned score unmixed.

    That score starts from the first stage's (`start` of the configs), so `alone` is not of trees or text by themselves.
    """

    name: str
    chosen: str
    lists: NDArray[np.int32]
    cpu_s: float
    alone: float | None = None


def measured_vectors(snapshot: Snapshot) -> csr_matrix | NDArray[np.float32] | None:
    """What intra-list diversity is measured by: all attributes, else text, else another embedding."""
    attributes = attribute_vectors(snapshot)
    if attributes is not None:
        return attributes
    for name in ("text", *snapshot.embeddings):
        if name in snapshot.embeddings:
            return embedding_vectors(snapshot.embeddings[name])
    return None


def by_mmr(stage: Stage) -> Iterator[Reranked]:
    """Maximal marginal relevance."""
    yield _diverse("mmr", stage, mmr)


def by_dpp(stage: Stage) -> Iterator[Reranked]:
    """Greedy maximum a posteriori of a determinantal point process."""
    yield _diverse("dpp", stage, dpp)


def by_calibration(stage: Stage) -> Iterator[Reranked]:
    """The kinds of a list in the proportions of the history."""
    categories = stage.facts.categories
    assert categories is not None

    def listed(pool: Pool, weight: float) -> NDArray[np.int32]:
        wanted = proportions(pool.held_out.histories.matrix, categories.shares)
        return calibrate(pool.scores, pool.items, categories.shares, wanted, weight=weight, k=LIST)

    def worth(pool: Pool, lists: NDArray[np.int32]) -> float:
        return -float(np.nanmean(calibration(lists, pool.held_out.histories.matrix, categories, LIST)))

    yield _traded("calibration", stage, listed, worth)


def _diverse(name: str, stage: Stage, way: Callable[..., NDArray[np.int32]]) -> Reranked:
    vectors, space = stage.vectors, stage.facts.space
    assert vectors is not None

    def listed(pool: Pool, weight: float) -> NDArray[np.int32]:
        return way(pool.scores, pool.items, space, weight=weight, k=LIST)

    def worth(_pool: Pool, lists: NDArray[np.int32]) -> float:
        return float(np.nanmean(diversity(lists, vectors, LIST)))

    return _traded(name, stage, listed, worth)


def _traded(name: str, stage: Stage, listed: Lister, worth: Callable[[Pool, NDArray[np.int32]], float]) -> Reranked:
    """With the weight of greatest worth on validation among those that keep enough of its ndcg@10."""
    began, pool = time.process_time(), stage.validation
    floor = stage.keep * pool.ndcg(pool.ordered(pool.scores))
    best, best_worth = 0.0, worth(pool, listed(pool, 0.0))
    for weight in TRADES:
        lists = listed(pool, weight)
        value = worth(pool, lists)
        if pool.ndcg(lists) >= floor and value > best_worth:
            best, best_worth = weight, value
    lists = listed(stage.test, best)
    return Reranked(name, f"weight {best:g}", lists, time.process_time() - began)


def by_lambdamart(stage: Stage) -> Iterator[Reranked]:
    """Boosted trees over every score and feature."""
    began, pool = time.process_time(), stage.validation
    found: list[tuple[float, int, CrossFitted, NDArray[np.float32]]] = []
    for place, config in enumerate(GRID):
        stage.note(f"lambdamart: {config.leaves} leaves, {TREE_FOLDS} folds")
        learn = LambdaMART(replace(config, seed=stage.seed), stage.facts).fit_new
        fitted = cross_fit(learn, pool, folds=TREE_FOLDS, seed=stage.seed)
        scores = fitted.score(pool)
        found.append((pool.ndcg(pool.ordered(pool.mixed(scores, 1.0))), -place, fitted, scores))
    _, place, fitted, scores = max(found, key=lambda one: one[:2])
    one = _mixed("lambdamart", f"{GRID[-place].leaves} leaves", stage, fitted, scores, stage.test)
    yield replace(one, cpu_s=time.process_time() - began + stage.members_cpu_s)


def by_cross_encoder(stage: Stage) -> Iterator[Reranked]:
    """BERT over the user's titles and the candidate's text, once for each loss."""
    import torch

    from training.rerank.bert import depth, shipped
    from training.rerank.cross_encoder import CrossEncoder, CrossEncoderConfig, Reader
    from training.rerank.losses import LOSSES
    from training.rerank.texts import item_texts

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    joined = depth(shipped()) if device.type == "cuda" else CrossEncoderConfig().joined
    shared = CrossEncoderConfig(joined=joined, seed=stage.seed)
    reader = Reader(shipped(), item_texts(stage.snapshot, stage.facts.categories), shared, device)
    pool, test = stage.validation.best(TEXT_CANDIDATES), stage.test.best(TEXT_CANDIDATES)
    seconds = TEXT_SHARE * stage.seconds / (TEXT_FOLDS * len(LOSSES))
    for loss in LOSSES:
        began = time.process_time()
        config = replace(shared, loss=loss)

        def learn(train: Pool, stop: Pool, config: CrossEncoderConfig = config) -> CrossEncoder:
            return CrossEncoder(config, reader, stage.note).fit(train, stop, seconds=seconds)

        fitted = cross_fit(learn, pool, folds=TEXT_FOLDS, seed=stage.seed)
        stage.note(f"cross-encoder {loss}: reading {len(pool) + len(test):,} users' candidates")
        one = _mixed(f"cross-encoder {loss}", f"{joined} joined layers", stage, fitted, fitted.score(pool), test)
        yield replace(one, cpu_s=time.process_time() - began)


def _mixed(
    name: str, chosen: str, stage: Stage, fitted: CrossFitted, scores: NDArray[np.float32], test: Pool
) -> Reranked:
    """Lists by the first stage's score and the learned one, in the mix that is best on validation."""
    pool = stage.validation.best(scores.shape[1])
    weight = pool.best_weight(scores)
    learned = fitted.score(test)
    lists = test.ordered(test.mixed(learned, weight))
    alone = test.ndcg(test.ordered(learned))
    return Reranked(name, f"{chosen}, weight {weight:g}", lists, 0.0, alone)


def by_language(stage: Stage) -> Iterator[Reranked]:
    """A language model judges each candidate by itself and may move it so many places."""
    from training.rerank.language import chosen_reach, lists_of, read_judgements

    assert stage.judge is not None
    began = time.process_time()
    pool, test = (one.best(TEXT_CANDIDATES) for one in (stage.validation, stage.test))
    reach = chosen_reach(stage.judge, pool, read_judgements(stage.judge, pool, stage.note, "validation"))
    judged = read_judgements(stage.judge, test, stage.note, "test")
    lists = lists_of(stage.judge, test, judged, reach)
    yield Reranked("language", f"{stage.judge.name}, reach {reach}", lists, time.process_time() - began)


NAMED_ALONE = frozenset({"language"})
"""Ways that are tried only when they are named: they may cost money."""
WAYS: Mapping[str, Callable[[Stage], Iterator[Reranked]]] = MappingProxyType(
    {
        "mmr": by_mmr,
        "dpp": by_dpp,
        "calibration": by_calibration,
        "lambdamart": by_lambdamart,
        "cross-encoder": by_cross_encoder,
        "language": by_language,
    }
)


def check_way(name: str, facts: ItemFacts, snapshot: Snapshot) -> None:
    """Raises `Unsupported` where this data or installation does not allow a way: before anything is fitted."""
    if name in {"mmr", "dpp"} and not facts.spaces:
        raise Unsupported(
            f"{name} where nothing is known of items but who chose them",
            valid="attributes (triples.csv, or columns such as Genre[] in items.csv), texts or images",
            remedy="add one, or leave it out of --ways",
        )
    if name == "calibration" and facts.categories is None:
        raise Unsupported(
            "calibration without kinds of items",
            valid="a relation with 2 to 500 values that covers half of the items, such as a column Genre[]",
            remedy="add one, or leave it out of --ways",
        )
    if name == "lambdamart":
        import_lightgbm()
    if name == "cross-encoder":
        from training.rerank.texts import item_texts

        item_texts(snapshot, facts.categories)
