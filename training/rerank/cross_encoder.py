"""A BERT cross-encoder over (what the user chose, the candidate's text), trained on validation by one of four losses.

Reads pools; learns by `training.rerank.cross_fit`. The network is `training.rerank.bert`, losses are
`training.rerank.losses`. AdamW (Loshchilov and Hutter 2019) on short lists that are drawn anew each epoch: a user's
relevant candidates and irrelevant ones of the same first stage. Kept is the state with the best ndcg@10 on users who
stop, looked at several times an epoch, within the time that was given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph.errors import InvalidData
from training.rerank.bert import Joined, pair_bert
from training.rerank.losses import LOSSES
from training.rerank.pool import Pool, within
from training.rerank.texts import ItemTexts, Tokenizer

PAIRS = 512
"""Pairs that are scored together."""


@dataclass(frozen=True)
class CrossEncoderConfig:
    """`joined`: layers that read user and item together and learn. `length`: places of a training list, at most
    `positives` of them relevant. `looks` at the stopping users an epoch; `patience` of them without gain end it.

    The score that is trained is `start` times the first stage's, standardised within a user's candidates, and the
    head's: what the first stage knows need not be found again. `start` 0: the text alone.

    `last` items of a history in `user_tokens`, a candidate in `item_tokens`: 64 together, at most BERT's 512.
    """

    loss: str = "listwise"
    joined: int = 2
    start: float = 0.5
    user_tokens: int = 36
    item_tokens: int = 28
    last: int = 8
    length: int = 10
    positives: int = 3
    batch_size: int = 16
    learning_rate: float = 1e-4
    regularization: float = 0.01
    epochs: int = 6
    looks: int = 2
    patience: int = 4
    stop_users: int = 200
    seed: int = 42


Note = Callable[[str], None]


class Reader:
    """Tokens and the frozen lower layers, shared by the cross-encoders of all losses and folds.

    Items' states are computed once and kept: 20 KB an item of 28 tokens. `joined`: the upper part, before training.
    """

    def __init__(self, folder: Path, texts: ItemTexts, config: CrossEncoderConfig, device: torch.device) -> None:
        self._halves, self.joined = pair_bert(folder, joined=config.joined, seed=config.seed, device=device)
        self._tokenizer = Tokenizer(
            folder, texts, user_tokens=config.user_tokens, item_tokens=config.item_tokens, last=config.last
        )
        self.device = device
        self._row = np.full(len(texts.texts), -1, np.int64)
        self._hidden, self._real = self._of_items(np.empty(0, np.int64))

    def prepare(self, pool: Pool) -> None:
        """Computes what is missing of the candidates' states."""
        items = np.unique(pool.items[pool.there])
        new = items[self._row[items] < 0]
        hidden, real = self._of_items(new)
        self._row[new] = len(self._hidden) + np.arange(len(new))
        self._hidden, self._real = torch.cat([self._hidden, hidden]), torch.cat([self._real, real])

    def items(self, items: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """States (items, item_tokens, d) of prepared items (items,), and which are real."""
        rows = torch.from_numpy(self._row[items]).to(self.device)
        return self._hidden[rows], self._real[rows]

    def users(self, pool: Pool) -> tuple[Tensor, Tensor]:
        """States (users, user_tokens, d), and which are real."""
        tokens = self._tokenizer.users(pool.held_out.histories)
        return self._halves.states(tokens, second=False, offset=0), torch.from_numpy(tokens.real).to(self.device)

    def _of_items(self, items: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        tokens = self._tokenizer.items(items)
        hidden = self._halves.states(tokens, second=True, offset=self._tokenizer.user_tokens)
        return hidden, torch.from_numpy(tokens.real).to(self.device)


class CrossEncoder:
    """`fit` learns from some users and stops by others; `score` gives (users, n)."""

    def __init__(self, config: CrossEncoderConfig, reader: Reader, note: Note = lambda _text: None) -> None:
        if config.loss not in LOSSES:
            raise InvalidData(f"loss {config.loss!r}", valid=", ".join(LOSSES), remedy="choose one of these")
        self.config, self._reader, self._note = config, reader, note
        self._joined = deepcopy(reader.joined)
        self.validation = 0.0

    def fit(self, train: Pool, stop: Pool, *, seconds: float = float("inf")) -> CrossEncoder:
        """Learns for at most about `seconds`, looks at the stopping users included; every seed gives the same order
        of lists, not bit for bit the same sums.
        """
        config, ends = self.config, time.monotonic() + seconds
        rng = np.random.default_rng(config.seed)
        train = train.take(np.flatnonzero(train.relevant.any(1)))
        stop = stop.take(np.flatnonzero(stop.relevant.any(1))[: config.stop_users])
        users, learned = self._reader.users(train), list(self._joined.parameters())
        self._reader.prepare(train)
        optimizer = torch.optim.AdamW(learned, config.learning_rate, weight_decay=config.regularization)
        batches = -(-len(train) // config.batch_size)
        every, total = max(1, batches // config.looks), batches * config.epochs
        best, waited, look_s = self._look(stop), 0, 0.0
        state = _copy(self._joined)
        for number, rows in enumerate(_batches(len(train), config, rng), 1):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * min(1.0, number / every, (total - number + 1) / total)
            self._step(optimizer, train, users, rows, rng)
            spent = time.monotonic() + 1.5 * look_s > ends
            if number % every == 0 or number == total or spent:
                began = time.monotonic()
                quality, waited = self._look(stop), waited + 1
                look_s = time.monotonic() - began
                if quality > best:
                    best, state, waited = quality, _copy(self._joined), 0
                self._note(f"{config.loss}: {number} of {total} steps, ndcg@10 of who stops {quality:.4f}")
                if waited >= config.patience or spent:
                    break
        self._joined.load_state_dict(state)
        self.validation = best
        return self

    def score(self, pool: Pool) -> NDArray[np.float32]:
        """(users, n) the first stage's share and the head's score; 0 where there is no candidate."""
        found = np.zeros(pool.items.shape, np.float32)
        self._reader.prepare(pool)
        users = self._reader.users(pool)
        rows, places = np.nonzero(pool.there)
        with torch.no_grad():
            for start in range(0, len(rows), PAIRS):
                row, place = rows[start : start + PAIRS], places[start : start + PAIRS]
                found[row, place] = self._pairs(users, row, pool.items[row, place]).cpu().numpy()
        return found + np.float32(self.config.start) * within(pool.scores, pool.there).astype(np.float32)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What was learned, by name."""
        return _copy(self._joined)

    def _look(self, stop: Pool) -> float:
        return stop.ndcg(stop.ordered(self.score(stop)))

    def _pairs(self, users: tuple[Tensor, Tensor], row: NDArray[np.int64], items: NDArray[np.integer]) -> Tensor:
        """(pairs,) scores of user rows with items."""
        at = torch.from_numpy(row).to(self._reader.device)
        hidden, real = self._reader.items(items)
        scores: Tensor = self._joined(torch.cat([users[0][at], hidden], 1), torch.cat([users[1][at], real], 1))
        return scores

    def _step(
        self, optimizer: torch.optim.Optimizer, train: Pool, users: tuple[Tensor, Tensor], rows: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        places = drawn(train, rows, self.config, rng)
        there = places >= 0
        row = np.broadcast_to(rows[:, None], places.shape)[there]
        flat = self._pairs(users, row, train.items[row, places[there]])
        first = within(train.scores[rows], train.there[rows])[np.nonzero(there)[0], places[there]]
        flat = flat + torch.from_numpy(np.float32(self.config.start) * first.astype(np.float32)).to(flat.device)
        device = flat.device
        mask = torch.from_numpy(there).to(device)
        scores = torch.zeros(places.shape, device=device).masked_scatter(mask, flat)
        labels = torch.from_numpy(train.relevant[rows[:, None], np.maximum(places, 0)] & there).to(device)
        optimizer.zero_grad()
        torch.autograd.backward(LOSSES[self.config.loss](scores, labels, mask))
        torch.nn.utils.clip_grad_norm_(self._joined.parameters(), 1.0)
        optimizer.step()


def drawn(
    pool: Pool, rows: NDArray[np.int64], config: CrossEncoderConfig, rng: np.random.Generator
) -> NDArray[np.int64]:
    """(rows, length) places of candidates: at most `positives` relevant ones, then others; -1 where none is left."""
    found = np.full((len(rows), config.length), -1, np.int64)
    for number, row in enumerate(rows):
        relevant, there = pool.relevant[row], pool.there[row]
        yes, no = rng.permutation(np.flatnonzero(relevant)), rng.permutation(np.flatnonzero(there & ~relevant))
        places = np.concatenate([yes[: config.positives], no])[: config.length]
        found[number, : len(places)] = places
    return found


def _batches(count: int, config: CrossEncoderConfig, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    for _ in range(config.epochs):
        order = rng.permutation(count)
        for start in range(0, count, config.batch_size):
            yield order[start : start + config.batch_size]


def _copy(joined: Joined) -> dict[str, Tensor]:
    return {name: one.detach().clone() for name, one in joined.state_dict().items()}
