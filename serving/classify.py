"""Labels for things that are in no catalogue yet, as the encoder process answers `POST /v1/classify`.

Not part of the request path: this file loads models.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from encoders.base import Vectors
from encoders.zeroshot_ask import Classifier, catalogue_classifier, words_classifier
from encoders.zeroshot_labels import SOUNDS
from encoders.zeroshot_state import FIT, FOLDER
from graph.snapshot import EmbeddingTable
from serving.index import Index, open_index

KEPT = 16
"""Sets of labels whose vectors are kept."""
COMPARED = 20_000
"""Items of the catalogue that labels are read against, evenly spaced."""


class Classifiers:
    """One a set of labels and encoders, made when it is first asked for."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = Lock()
        self._kept: OrderedDict[Any, Classifier] = OrderedDict()

    def answer(
        self, vectors: Mapping[str, Vectors], labels: Sequence[str] | None, encoders: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        """JSON values. Raises `NotFound` or `Unsupported` as `encoders.zeroshot_ask`."""
        made_by = {name: (made, version) for name, (made, version) in encoders.items()}
        found = self._classifier(None if labels is None else tuple(labels), made_by).judge(vectors)
        return {
            "labels": [{"label": name, "confidence": value} for name, value in found.confidences.items()],
            "calibrated": found.calibrated,
            "encoders": dict(found.made_by),
            "skipped": dict(found.skipped),
        }

    def _classifier(self, labels: tuple[str, ...] | None, encoders: Mapping[str, tuple[str, str]]) -> Classifier:
        stamp = _stamp(self._home / FOLDER / FIT) if labels is None else 0, _stamp(self._home / SOUNDS)
        key = labels, tuple(sorted(encoders.items())), stamp
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._make(labels, encoders)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _make(self, labels: tuple[str, ...] | None, encoders: Mapping[str, tuple[str, str]]) -> Classifier:
        if labels is None:
            return catalogue_classifier(self._home, encoders)
        index = open_index(self._home)
        return words_classifier(self._home, _tables(index), labels, _usual_kind(index))


def _stamp(file: Path) -> int:
    """Changes when the catalogue is tagged, or its sounds and words are learned, anew."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _tables(index: Index) -> dict[str, EmbeddingTable]:
    some = np.unique(np.linspace(0, max(0, index.num_items - 1), min(COMPARED, index.num_items)).astype(np.int64))
    return {
        name: EmbeddingTable(np.asarray(one.unit[some]), np.asarray(one.present[some]), *index.encoders[name])
        for name, one in index.vectors.items()
        if name in index.encoders
    }


def _usual_kind(index: Index) -> str:
    return index.kinds[int(np.bincount(index.item_kind).argmax())] if index.num_items else ""
