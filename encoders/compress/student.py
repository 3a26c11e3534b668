"""A smaller text encoder taught by the one it was cut from, on the catalogue's own texts.

Cut: evenly spaced layers are kept (Sanh et al. 2019, «DistilBERT»), and in each the share `keep` of the feed-forward
neurons (`encoders.compress.surgeon`; whole rows and columns, so that the rest is dense and needs no special kernels).
Whole attention heads stay: transformers' BERT, which has to read the folder, takes hidden / heads numbers a head alone.

Taught (Hinton, Vinyals, Dean 2015; Jiao et al. 2020, «TinyBERT»; Reimers & Gurevych 2020): with s and t the unit
vectors of student and teacher, a and b their vectors of each token after a layer,

    loss = mean of 1 - s . t + mean over the pairs of a batch of (s_i . s_j - t_i . t_j)^2
           + mean |a - b|^2 / mean |b|^2 of the last layer + `EARLIER` times the same of each earlier one.

Tokens say a hundred times more than texts, of which a catalogue has few. Of every other text a random stretch of tokens
is read instead of the whole, which the teacher reads too: what is searched for is short.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.compress.bert_files import CONFIG, TOKENIZER, WEIGHTS, save_bert
from encoders.compress.surgeon import keep_neurons
from encoders.devices import pick_device
from encoders.text import MAX_TOKENS
from graph.errors import InvalidData

if TYPE_CHECKING:
    import torch

    from encoders.bert import Bert

HALF = -1
SHORTEST = 6
WARM_UP = 0.1
COUNTED = 1_200
"""Texts on which neurons are chosen."""
EARLIER = 0.3
"""Of the loss, what an earlier layer's tokens count beside the last one's."""


@dataclass(frozen=True)
class Tuning:
    """`layers` to keep, 0 for all, `HALF` for half of them; `keep`: share of the feed-forward neurons of each.

    `epochs` 0: cut, not taught.
    """

    layers: int = 0
    keep: float = 1.0
    epochs: int = 4
    learning_rate: float = 3e-4
    batch_size: int = 32
    seed: int = 42


def shrink_text(
    source: Path,
    folder: Path,
    texts: Sequence[str],
    tuning: Tuning,
    *,
    device: str | None,
    progress: Callable[[str, int, int], None],
) -> tuple[float, ...]:
    """Cuts the BERT in `source`, teaches it on `texts` and writes it into `folder`; returns the loss by epoch."""
    import torch

    from encoders.bert import Bert

    config = json.loads((source / CONFIG).read_text(encoding="utf-8"))
    tuning = _checked(tuning, config)
    teacher = Bert.read(source / WEIGHTS, config, device=pick_device(device)).requires_grad_(requires_grad=False)
    ids = _tokens(source, texts, config)
    progress("choosing neurons", 0, 1)
    with torch.no_grad():
        student, smaller = _cut(teacher, config, ids[:COUNTED], tuning)
    losses = _teach(student, teacher, ids, tuning, progress)
    save_bert(student, smaller, source, folder)
    return losses


def _checked(tuning: Tuning, config: dict[str, Any]) -> Tuning:
    """With the number of layers in place of 0 and -1."""
    most = config["num_hidden_layers"]
    layers = {0: most, HALF: max(1, most // 2)}.get(tuning.layers, tuning.layers)
    if not (1 <= layers <= most and 0 < tuning.keep <= 1):
        raise InvalidData(
            f"{tuning.layers} layers and {tuning.keep} of their neurons of a model of {most} layers",
            valid=f"1 to {most} layers, a share above 0 up to 1",
            remedy="choose other --layers and --keep",
        )
    return replace(tuning, layers=layers)


def _tokens(source: Path, texts: Sequence[str], config: dict[str, Any]) -> list[list[int]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(source / TOKENIZER))
    tokenizer.enable_truncation(min(MAX_TOKENS, config["max_position_embeddings"]))
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def _cut(teacher: Bert, config: dict[str, Any], ids: list[list[int]], tuning: Tuning) -> tuple[Bert, dict[str, Any]]:
    """The smaller network and its config."""
    width = max(1, round(tuning.keep * config["intermediate_size"]))
    student = copy.deepcopy(teacher)
    kept = [student.layers.layers[place] for place in _chosen(tuning.layers, config["num_hidden_layers"])]
    student.layers.layers = type(student.layers.layers)(kept)
    student.layers.num_layers = tuning.layers
    if width < config["intermediate_size"]:
        keep_neurons(student, copy.deepcopy(student), ids, width)
    return student, {**config, "num_hidden_layers": tuning.layers, "intermediate_size": width}


def _chosen(layers: int, most: int) -> list[int]:
    """Evenly spaced layers, the last among them."""
    return [round((number + 1) * most / layers) - 1 for number in range(layers)]


def _teach(
    student: Bert, teacher: Bert, ids: list[list[int]], tuning: Tuning, progress: Callable[[str, int, int], None]
) -> tuple[float, ...]:
    """Trains in place, without dropout: the teacher is to be copied, noise and all. Returns the mean loss by epoch."""
    import torch

    student.requires_grad_(requires_grad=True)
    rng = np.random.default_rng(tuning.seed)
    steps = tuning.epochs * -(-len(ids) // tuning.batch_size)
    optimizer = torch.optim.AdamW(student.parameters(), lr=tuning.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / max(1, steps)))
    chosen = _chosen(len(student.layers.layers), len(teacher.layers.layers))
    losses, done = list[float](), 0
    for _ in range(tuning.epochs):
        total = 0.0
        for batch in _batches(ids, tuning.batch_size, rng):
            padded, real = teacher.padded(batch)
            with torch.no_grad():
                wanted = teacher.states(padded, real)
            loss = _distance(student.states(padded, real), [wanted[place] for place in chosen], real)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total, done = total + loss.item() * len(batch), done + 1
            progress("teaching", done, steps)
        losses.append(round(total / len(ids), 5))
    student.requires_grad_(requires_grad=False)
    return tuple(losses)


def _rate(share: float) -> float:
    """Of the learning rate when `share` of the steps are done: up, then down along a line."""
    return min((share + 1e-3) / WARM_UP, (1 - share) / (1 - WARM_UP))


def _distance(ours: list[torch.Tensor], theirs: list[torch.Tensor], real: torch.Tensor) -> torch.Tensor:
    """The loss of the module's docstring; (texts, tokens, hidden) by layer, `real`: tokens that are no padding."""
    import torch
    from torch.nn import functional

    from encoders.bert import mean_of

    s, t = (functional.normalize(mean_of(states[-1], real), dim=1) for states in (ours, theirs))
    texts = (1 - (s * t).sum(1)).mean() + (s @ s.T - t @ t.T).square().mean()
    *earlier, last = [(a[real] - b[real]).square().mean() / b[real].square().mean()
                      for a, b in zip(ours, theirs, strict=True)]  # fmt: skip
    return texts + last + EARLIER * sum(earlier, start=torch.zeros_like(last))


def _batches(ids: list[list[int]], size: int, rng: np.random.Generator) -> list[list[list[int]]]:
    """An epoch: every text once, or a stretch of it; texts of like length share a batch, in random order."""
    shown = [_stretch(one, rng) for one in ids]
    order = sorted(range(len(shown)), key=lambda place: (len(shown[place]) // 8, rng.random()))
    batches = [[shown[place] for place in order[begin : begin + size]] for begin in range(0, len(order), size)]
    return [batches[place] for place in rng.permutation(len(batches))]


def _stretch(ids: list[int], rng: np.random.Generator) -> list[int]:
    """All of it, or a part between its first and its last token, which mark begin and end."""
    inside = ids[1:-1]
    if len(inside) <= SHORTEST or rng.random() < 0.5:
        return ids
    length = int(rng.integers(SHORTEST, len(inside)))
    begin = int(rng.integers(0, len(inside) - length + 1))
    return [ids[0], *inside[begin : begin + length], ids[-1]]
