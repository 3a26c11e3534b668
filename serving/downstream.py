"""What an encoder's vectors are worth to rankers of content: `encoders` knows no ranker, `training` no encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from encoders.base import Modality
from graph.snapshot_read import FolderData

RANKERS = ("content", "ridge")
"""Of the zoo, each with a modality's name behind it."""


def content_quality(
    data: FolderData, path: Path, *, home: Path, modality: Modality, seed: int
) -> Callable[[str], dict[str, float]]:
    """Validation's ndcg@10 of each ranker that reads this modality alone, by the name of the encoder.

    Nothing where the folder has no interactions.
    """

    def measure(name: str) -> dict[str, float]:
        from encoders.encode import embed_folder
        from training.evaluate import evaluate
        from training.metrics import TARGET
        from training.tasks import find_task, task_data
        from training.zoo import find

        if not len(data.snapshot.interactions):
            return {}
        tables = embed_folder(data.snapshot, path, home=home, modalities=[modality], names={modality: name})
        snapshot = data.snapshot.with_embeddings(tables)
        prepared = task_data(find_task("top-n"), replace(data, snapshot=snapshot), seed=seed).prepared.data
        if prepared.validation is None or not len(prepared.validation):
            return {}
        fitted = {ranker: find(f"{ranker}-{modality}").build().fit(prepared) for ranker in RANKERS}
        return {
            f"{TARGET} {ranker}-{modality}": round(evaluate(model, prepared.validation).metrics[TARGET], 5)
            for ranker, model in fitted.items()
        }

    return measure
