"""What events are, from what is announced at a cut, and the taste that the answers known then show for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import Triples
from training.data import SideInformation
from training.events.cut import Cut
from training.events.log import EventLog
from training.events.matrices import Floats
from training.models.content_knn import attribute_vectors
from training.models.content_ridge import ContentRidgeConfig, contents

CONFIG = ContentRidgeConfig(size=256)


@dataclass(frozen=True)
class Content:
    """`attributes` (num_items, num_nodes): unit rows of TF-IDF; `directions` (num_items, d): as a content ridge reads
    them, embeddings too. None where nothing is known.
    """

    attributes: csr_matrix | None
    directions: Floats | None

    def ridge(self, cut: Cut) -> tuple[Floats, Floats]:
        """Tastes (num_users, d) and the candidates' contents (candidates, d) of a content ridge
        (`training.models.content_ridge`) on what the cut knows, scores having deviation one over those with a past.
        """
        assert self.directions is not None
        met = np.asarray(cut.known.sum(0)).ravel() > 0
        known = self.directions[met].astype(np.float64)
        gram = known.T @ known + CONFIG.regularization * np.eye(known.shape[1])
        tastes = np.asarray(cut.known[:, met] @ np.linalg.solve(gram, known.T).T, np.float32)
        items = self.directions[cut.candidates]
        spread = float((tastes[np.diff(cut.known.indptr) > 0] @ items.T).std())
        return tastes / np.float32(max(spread, 1e-12)), items


def content_of(log: EventLog, cut: Cut) -> Content:
    """Of all items but the events that are not there yet: how rare a tag is, or in which directions items differ, is
    not told by events of the time after.
    """
    side, num_items = _announced(log.side, cut.unseen), log.shape[1]
    attributes = attribute_vectors(side, num_items) if len(side.triples) else None
    there = attributes is not None or bool(side.embeddings)
    return Content(attributes, contents(side, CONFIG, num_items) if there else None)


def _announced(side: SideInformation, unseen: NDArray[np.bool_]) -> SideInformation:
    """Without the triples and embeddings of the unseen items."""
    triples, num_items = side.triples, len(unseen)
    nodes = np.concatenate([unseen, np.zeros(side.num_nodes - num_items, np.bool_)])
    kept = ~nodes[triples.head] & ~nodes[triples.tail]
    tables = {
        name: replace(one, vectors=np.where(unseen[:, None], np.float32(0), one.vectors), present=one.present & ~unseen)
        for name, one in side.embeddings.items()
    }
    fewer = Triples(triples.head[kept], triples.relation[kept], triples.tail[kept])
    return replace(side, triples=fewer, embeddings=tables)
