"""What asking a language model about a catalogue costs: tokens, and seconds with a local model.

    python -m benchmarks.language FOLDER [--model local:NAME | --random] [--items 6]

FOLDER: a dataset folder. Prints one JSON object: items whose words read as if they spoke to a model (none of them
should, in an honest catalogue), tokens of all summaries and of a short list of 20 candidates with 10 reasons beside 12
liked items (the mean of 50 lists drawn by seed 0; four bytes taken for a token). With `--model`, seconds and CPU
seconds a judgement
and a summary over a few items. `--random` makes a model of Qwen3-0.6B's shape with random weights and a tokenizer
learned from the catalogue: as slow as the real one, and it says nothing (a summary is always of its full length).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from encoders.language.judge import LIKED, Words
from encoders.language.local import LocalCausal
from encoders.language.prompts import TEMPLATES, likely
from encoders.language.provider import Endpoint, Prompt, open_provider
from graph.snapshot_read import read_folder
from serving.language_way import words_of

CANDIDATES, REASONS, LISTS = 20, 10, 50
SHAPE = {
    "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936, "tie_word_embeddings": True,
}  # fmt: skip


def together(liked: Sequence[Words], candidate: Words) -> dict[str, Any]:
    """As the judge tells them."""
    item = {f"item {name}": value for name, value in candidate.fields().items()}
    return {"liked": [one.named() for one in liked], **item}


def tokens(words: Sequence[Words]) -> dict[str, Any]:
    """By four bytes a token, as a dry run counts for an endpoint."""
    count = open_provider("openai:any", Endpoint("http://localhost/v1")).count_tokens
    summaries = [count(TEMPLATES["item-summary"].ask(one.fields())) for one in words]
    rng, lists = np.random.default_rng(0), []
    for _ in range(LISTS):
        drawn = [words[place] for place in rng.choice(len(words), LIKED + CANDIDATES, replace=False)]
        fields = [together(drawn[:LIKED], one) for one in drawn[LIKED:]]
        scores = sum(count(TEMPLATES["item-score"].ask(one)) for one in fields)
        lists.append(scores + sum(count(TEMPLATES["item-reason"].ask(one)) for one in fields[:REASONS]))
    return {"summaries": sum(summaries), "a_summary": np.mean(summaries), "a_short_list": np.mean(lists)}


def make_random(folder: Path, texts: Sequence[str]) -> Path:
    """A model of `SHAPE` with random weights, bfloat16 on disk."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    Qwen3ForCausalLM(Qwen3Config(**SHAPE)).to(torch.bfloat16).save_pretrained(folder)
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pieces.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=20_000, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    )
    PreTrainedTokenizerFast(tokenizer_object=pieces, eos_token="<|end|>", pad_token="<|end|>").save_pretrained(folder)  # noqa: S106
    return folder


def timed(work: Callable[[], Sequence[Any]], count: int) -> dict[str, float]:
    """Seconds and CPU seconds each, and tokens read and written each."""
    began, cpu = time.perf_counter(), time.process_time()
    found = work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    read = sum(one.tokens_in for one in found) / count
    written = sum(getattr(one, "tokens_out", 0) for one in found) / count
    return {"seconds": seconds / count, "cpu_s": cpu / count, "tokens_in": read, "tokens_out": written}


def speed(model: LocalCausal, words: Sequence[Words], items: int) -> dict[str, Any]:
    """A judgement and a summary, over some items at once."""
    some = words[LIKED : LIKED + items]
    judged: list[Prompt] = [likely(together(words[:LIKED], one)) for one in some]
    model.likelihoods(judged[:1])  # Loads it.
    summaries = [TEMPLATES["item-summary"].ask(one.fields()) for one in some]
    return {
        "judgement": timed(lambda: model.likelihoods(judged), items),
        "summary": timed(lambda: model.complete(summaries), items),
    }


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="")
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--items", type=int, default=6)
    given = parser.parse_args()
    words = words_of(read_folder(given.folder).snapshot)
    found: dict[str, Any] = {
        "items": len(words),
        "suspicious": sum(one.suspicious for one in words),
        "tokens": tokens(words),
    }
    with TemporaryDirectory() as folder:
        if given.random:
            made = make_random(Path(folder) / "random", [one.text for one in words])
            given.model = f"local:{made}"
        if given.model:
            model = open_provider(given.model)
            assert isinstance(model, LocalCausal), "--model takes local:NAME"
            found["model"] = "random, shape of Qwen3-0.6B" if given.random else model.name
            found["speed"] = speed(model, words, given.items)
    print(json.dumps(found, default=float))


if __name__ == "__main__":
    main()
