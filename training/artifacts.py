"""What a run leaves in MLflow beside numbers: its report, per-user measures, and plots.

After the one look at test. Per-user measures are what `interlace runs compare` tests two runs with, long afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from graph.errors import Conflict
from graph.snapshot import Snapshot
from training import plots
from training.beyond import Categories, categories_of, category_shares, embedding_vectors
from training.evaluate import Evaluation
from training.model_files import Tested
from training.prepare import Prepared
from training.recommender import FactorForm, MLPForm, Recommender
from training.report import K, flat
from training.tracking import Run, Tracker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PER_USER = "per_user.safetensors"
REPORT = "report.json"
PLOTS = "plots"
KEPT = ("ndcg@10", "recall@10", "hr@10", "mrr@10")
"""Per-user measures that are kept."""


def log_per_user(run: Run, evaluation: Evaluation, about: Mapping[str, str]) -> None:
    """`about`: snapshot and split; only runs with the same can be compared."""
    kept = {name: evaluation.per_user[name] for name in KEPT if name in evaluation.per_user}
    with tempfile.TemporaryDirectory(prefix="interlace-run-") as name:
        file = Path(name) / PER_USER
        save_file({"users": evaluation.users, **kept}, file, metadata=dict(about))
        run.tracker.client.log_artifact(run.id, str(file))


def read_per_user(tracker: Tracker, run_id: str) -> tuple[Tested, dict[str, str]] | None:
    """The per-user measures of a run and what they were measured on; None for a run that kept none."""
    if not any(one.path == PER_USER for one in tracker.client.list_artifacts(run_id)):
        return None
    with tempfile.TemporaryDirectory(prefix="interlace-run-") as name:
        file = tracker.client.download_artifacts(run_id, PER_USER, name)
        try:
            with safe_open(file, "numpy") as opened:
                arrays = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 - not a mapping
                about = dict(opened.metadata() or {})
            return Tested(arrays.pop("users"), arrays), about
        except (SafetensorError, KeyError) as error:
            raise Conflict(f"{PER_USER} of run {run_id} cannot be read ({error})", valid="a run as it was logged",
                           remedy="train again") from error  # fmt: skip


def curves_of(runs: Mapping[str, Run]) -> dict[str, plots.Curves]:
    """What runs measured by epoch, a curve for each fit: a model tried with several configs has several."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for model, run in runs.items():
        for name, points in run.curves.items():
            config, _, metric = name.rpartition("/")
            label = f"{model}, {config.replace('_', ' ')}" if config else model
            found.setdefault(label, {})[metric] = points
    return dict(found)


def log_report(run: Run, report: Mapping[str, Any]) -> None:
    """The full report as a document, its single numbers as metrics below `beyond/`."""
    run.document(report, REPORT)
    run.metrics(flat(report), prefix="beyond/")


def log_plots(
    run: Run,
    curves: Mapping[str, plots.Curves],
    reports: Mapping[str, Mapping[str, Any]],
    *,
    evaluation: Evaluation,
    prepared: Prepared,
    snapshot: Snapshot,
    recommender: Recommender,
) -> None:
    """Draws what the data allows; `reports`: the model's first, then those to show beside it."""
    name = next(iter(reports))
    categories = categories_of(snapshot)
    drawn = {
        "learning_curves": plots.learning_curves(curves, f"Learning curves: {name}"),
        "recall_by_popularity": plots.recall_by_popularity(reports, f"Recall by item popularity: {name}"),
        "calibration": _calibration(evaluation, prepared, categories, reports[name], name),
        "embedding_map": _map(recommender, snapshot, categories, prepared.data.seed),
    }
    with tempfile.TemporaryDirectory(prefix="interlace-plots-") as folder:
        for title, figure in drawn.items():
            if figure is not None:
                figure.savefig(Path(folder) / f"{title}.png")
        run.folder(Path(folder), PLOTS)


def _calibration(
    evaluation: Evaluation, prepared: Prepared, categories: Categories | None, report: Mapping[str, Any], name: str
) -> Figure | None:
    if categories is None or not report["calibration"]["users"]:
        return None
    rows = np.searchsorted(prepared.test.users, evaluation.users)
    histories = prepared.test.histories.take(rows).matrix
    history, listed = category_shares(evaluation.ranking, histories, categories, K)
    title = f"Calibration of {name}: mean KL {report['calibration']['value']:.3f} ({categories.relation})"
    return plots.calibration(categories.names, history, listed, title)


def _map(recommender: Recommender, snapshot: Snapshot, categories: Categories | None, seed: int) -> Figure | None:
    found = _item_vectors(recommender, snapshot)
    if found is None:
        return None
    vectors, what = found
    names: tuple[str, ...] = () if categories is None else categories.names
    return plots.embedding_map(vectors, main_category(categories, len(vectors)), names, f"Items by {what}", seed=seed)


def _item_vectors(recommender: Recommender, snapshot: Snapshot) -> tuple[NDArray[np.float32], str] | None:
    """The model's own item factors, else the first modality's vectors."""
    for form in recommender.forms():
        if isinstance(form, FactorForm | MLPForm) and form.items.shape[1] > 1:
            return form.items, f"the factors of {recommender.name}, {form.items.shape[1]} dimensions"
    for name, table in sorted(snapshot.embeddings.items()):
        return embedding_vectors(table), f"their {name} embeddings, {table.dim} dimensions"
    return None


def main_category(categories: Categories | None, items: int) -> NDArray[np.int64]:
    """Each item's rarest category that is one of the common ones: the word that says most of it; -1 for none."""
    main = np.full(items, -1, np.int64)
    if categories is None:
        return main
    matrix = categories.shares.tocoo()
    sizes = np.bincount(matrix.col, minlength=len(categories.names))
    common = np.argsort(-sizes, kind="stable")[: len(plots.COLOURS) - 1]
    for one in common:  # from the commonest to the rarest of them: the last that fits stays
        main[matrix.row[matrix.col == one]] = one
    rest = (main[matrix.row] == -1).nonzero()[0]
    main[matrix.row[rest]] = matrix.col[rest]
    return main
