"""One first stage, every way to re-rank it, one table: what `interlace rerank` prints.

Folder -> first stage fitted on train, chosen on validation -> candidates -> each way fitted and chosen on validation ->
one look at test, beside the first stage by a paired test over users.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import InterlaceError, InvalidData, Unsupported
from graph.snapshot import EmbeddingTable, Snapshot
from graph.snapshot_read import FolderData, read_folder
from training.auto import choose, fit_auto
from training.beyond import calibration, diversity
from training.data import HeldOut, TrainingData
from training.metrics import beyond_accuracy
from training.recommender import Recommender
from training.rerank.features import ItemFacts, item_facts
from training.rerank.language import Judge
from training.rerank.pool import LIST, Pool, make_pool
from training.rerank.ways import NAMED_ALONE, WAYS, Reranked, Stage, check_way, measured_vectors
from training.significance import Comparison, family, paired_test
from training.tasks import find_task, task_data
from training.zoo import find

COMPANIONS = ("popularity", "item-knn", "ials")
"""Quick models whose scores are features where the first stage is one model."""
FIRST = "first stage"


@dataclass(frozen=True)
class RerankPlan:
    """What is asked for. `ways`: none is every way that the data and the installation allow.

    `candidates`: how many of the first stage are re-ranked. `keep`: share of validation's ndcg@10 that diversity and
    calibration must leave. `budget`: seconds, half for `auto` as the first stage, the rest for cross-encoders. `users`:
    so many of validation and of test at most, drawn by the seed.
    """

    task: str = "top-n"
    first: str = "auto"
    ways: tuple[str, ...] = ()
    candidates: int = 50
    keep: float = 0.98
    budget: float = 600.0
    users: int = 5000
    min_value: float | None = None
    seed: int = 42


@dataclass(frozen=True)
class RerankResult:
    """`rows`: the first stage, then each way: measures at 10, the paired `difference` in ndcg@10 from the first stage
    (Holm-corrected over the ways), what validation chose, CPU seconds. `skipped`: ways that could not be, and why.
    """

    task: str
    first: str
    split: str
    users: int
    items: int
    candidates: int
    found: float
    rows: Sequence[Mapping[str, Any]]
    skipped: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Note = Callable[[str], None]


def rerank(
    path: Path,
    plan: RerankPlan,
    *,
    embed: Callable[[Snapshot, Path], Mapping[str, EmbeddingTable]] | None = None,
    judge: Callable[[Snapshot], Judge] | None = None,
    note: Note = lambda _text: None,
) -> RerankResult:
    """Measures every way; `judge` opens the language model of the way `language`.

    Errors: `InvalidData` for an unknown way or data without validation, `Unsupported` for a way that was named and
    cannot be.
    """
    check(plan)
    folder = _read(path, embed, note)
    parts = task_data(find_task(plan.task), folder, min_value=plan.min_value, seed=plan.seed)
    data, snapshot = parts.prepared.data, folder.snapshot
    if data.validation is None or not len(data.validation):
        raise InvalidData("there is no validation part to learn re-ranking on", valid="a split with validation",
                          remedy="add interactions, or valid.csv beside train.csv")  # fmt: skip
    facts = item_facts(snapshot, data)
    ways, skipped = _possible(plan, facts, snapshot)
    first, stage = _stage(plan, data, parts.prepared.test, snapshot, facts, note, companions="lambdamart" in ways)
    if "language" in ways:
        stage = replace(stage, judge=_judge(judge, snapshot))
    reranked = [first]
    for way in ways:
        note(f"{way}: fitting and choosing on validation")
        reranked += WAYS[way](stage)
    relevant = stage.test.held_out.relevant
    return RerankResult(
        task=plan.task,
        first=first.chosen,
        split=parts.split,
        users=len(stage.test),
        items=data.num_items,
        candidates=stage.test.items.shape[1],
        found=float(stage.test.relevant.sum() / relevant.nnz),
        rows=rows_of(reranked, stage, data),
        skipped=skipped,
    )


def _judge(judge: Callable[[Snapshot], Judge] | None, snapshot: Snapshot) -> Judge:
    if judge is None:
        raise Unsupported("the way language without a language model", valid="a model that is set",
                          remedy="set INTERLACE_LANGUAGE_PROVIDER, or leave it out of --ways")  # fmt: skip
    return judge(snapshot)


def check(plan: RerankPlan) -> None:
    """Raises `InvalidData` or `NotFound` for a plan that cannot be; needs no data."""
    find_task(plan.task)
    if plan.first != "auto":
        find(plan.first)
    for way in plan.ways:
        if way not in WAYS:
            raise InvalidData(f"no way {way!r} to re-rank", valid=", ".join(WAYS), remedy="name one of these")
    if plan.candidates < LIST:
        raise InvalidData(f"{plan.candidates} candidates for lists of {LIST}", valid=f"at least {LIST}",
                          remedy="take 20 to 100")  # fmt: skip
    if not 0 < plan.keep <= 1:
        raise InvalidData(f"to keep a share of {plan.keep:g} of ndcg@10", valid="above 0, at most 1",
                          remedy="0.98 lets a list lose a fiftieth")  # fmt: skip


def _read(path: Path, embed: Callable[[Snapshot, Path], Mapping[str, EmbeddingTable]] | None, note: Note) -> FolderData:
    note(f"reading {path}")
    folder = read_folder(path)
    if embed is None:
        return folder
    note("encoding texts and images")
    return replace(folder, snapshot=folder.snapshot.with_embeddings(embed(folder.snapshot, path)))


def _possible(plan: RerankPlan, facts: ItemFacts, snapshot: Snapshot) -> tuple[tuple[str, ...], dict[str, str]]:
    """The ways that can be, and why others cannot; a way that was named must be possible."""
    skipped: dict[str, str] = {}
    wanted = plan.ways or tuple(way for way in WAYS if way not in NAMED_ALONE)
    for way in wanted:
        try:
            check_way(way, facts, snapshot)
        except InterlaceError as error:
            if plan.ways:
                raise
            skipped[way] = str(error)
    ways = tuple(way for way in wanted if way not in skipped)
    if not ways:
        raise Unsupported("no way to re-rank is possible with this data", valid="; ".join(skipped.values()),
                          remedy="add what one of them needs")  # fmt: skip
    return ways, skipped


def _stage(
    plan: RerankPlan, data: TrainingData, test: HeldOut, snapshot: Snapshot, facts: ItemFacts, note: Note,
    *, companions: bool,
) -> tuple[Reranked, Stage]:  # fmt: skip
    """Fits the first stage and makes its candidates of validation and test."""
    assert data.validation is not None
    began = time.process_time()
    first, members, chosen = _first(plan, data, note)
    cpu_s, began = time.process_time() - began, time.process_time()
    if companions and plan.first != "auto":
        for name in COMPANIONS:
            if name != plan.first and find(name).fits(data):
                note(f"{name}: fitting, for its score")
                members = [*members, find(name).build().fit(data)]
    members_cpu_s = time.process_time() - began
    note(f"{plan.candidates} candidates of everybody")
    validation, tested = (
        make_pool(first, members, _some(part, plan), plan.candidates) for part in (data.validation, test)
    )
    left = plan.budget / 2 if plan.first == "auto" else plan.budget
    stage = Stage(validation, tested, facts, snapshot, plan.keep, left, note, plan.seed, members_cpu_s,
                  measured_vectors(snapshot))  # fmt: skip
    lists = tested.ordered(tested.scores)
    return Reranked(FIRST, chosen, lists, cpu_s), stage


def _first(plan: RerankPlan, data: TrainingData, note: Note) -> tuple[Recommender, list[Recommender], str]:
    """The first stage, the models whose scores are features beside its own, and what it is in words."""
    if plan.first == "auto":
        found = fit_auto(data, budget=plan.budget / 2, progress=note)
        return found.recommender, [one.recommender for one in found.members], found.text
    note(f"{plan.first}: fitting")
    chosen = choose(find(plan.first), data)
    return chosen.recommender, [], f"{plan.first} {dict(chosen.best.settings)}"


def _some(held_out: HeldOut, plan: RerankPlan) -> HeldOut:
    if len(held_out) <= plan.users:
        return held_out
    return held_out.take(np.sort(np.random.default_rng(plan.seed).choice(len(held_out), plan.users, replace=False)))


def rows_of(reranked: Sequence[Reranked], stage: Stage, data: TrainingData) -> list[dict[str, Any]]:
    """A row a way: its measures on test and the paired difference from the first of `reranked`."""
    measures = [_measures(one.lists, stage, data) for one in reranked]
    by_user = [stage.test.measure(one.lists)[f"ndcg@{LIST}"] for one in reranked]
    tests: dict[str, Comparison] = {
        one.name: paired_test(values, by_user[0], seed=stage.seed)
        for one, values in zip(reranked[1:], by_user[1:], strict=True)
    }
    found = family(tests) if tests else {}
    return [
        {"name": one.name, **values, "alone": one.alone, "chosen": one.chosen, "cpu_s": one.cpu_s,
         "difference": asdict(found[one.name]) if one.name in found else None}
        for one, values in zip(reranked, measures, strict=True)
    ]  # fmt: skip


def _measures(lists: NDArray[np.int32], stage: Stage, data: TrainingData) -> dict[str, float]:
    pool: Pool = stage.test
    accuracy = pool.measure(lists)
    found = {name: float(accuracy[name].mean()) for name in (f"ndcg@{LIST}", f"recall@{LIST}", f"hr@{LIST}")}
    missing = np.full(len(lists), np.nan)
    diverse = missing if stage.vectors is None else diversity(lists, stage.vectors, LIST)
    kinds, histories = stage.facts.categories, pool.held_out.histories.matrix
    miss = missing if kinds is None else calibration(lists, histories, kinds, LIST)
    found[f"diversity@{LIST}"], found[f"miscalibration@{LIST}"] = _mean(diverse), _mean(miss)
    beyond = beyond_accuracy(lists, stage.facts.counts, data.num_users, (LIST,))
    return found | {f"coverage@{LIST}": beyond[f"coverage@{LIST}"]}


def _mean(values: NDArray[np.float64]) -> float:
    """Over those that are known; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
