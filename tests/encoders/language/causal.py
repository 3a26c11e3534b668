"""A tiny Qwen3 with a byte-level tokenizer and a chat template: made, taught by heart, saved as real ones are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from encoders.language.local import _chat
from encoders.language.provider import Prompt

CHATML = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{{ turn['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WITHOUT_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def make_causal(
    folder: Path, lessons: Sequence[tuple[Prompt, str]], *, steps: int = 120, template: str = CHATML
) -> Path:
    """A folder as `save_pretrained` writes it. `steps` 0 leaves the weights random."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = _tokenizer([f"{prompt.system}\n{prompt.user}\n{answer}" for prompt, answer in lessons], template)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=1024, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    if steps:
        _teach(model, tokenizer, lessons, steps)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(texts: Sequence[str], template: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pieces.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=900, special_tokens=list(SPECIAL), initial_alphabet=alphabet)
    )
    found = PreTrainedTokenizerFast(tokenizer_object=pieces, eos_token=SPECIAL[2], pad_token=SPECIAL[0])
    found.chat_template = template
    return found


def _teach(model: Any, tokenizer: Any, lessons: Sequence[tuple[Prompt, str]], steps: int) -> None:
    """By heart: only the answers count in the loss."""
    import torch

    rows = []
    for prompt, answer in lessons:
        asked = tokenizer(_chat(tokenizer, prompt), add_special_tokens=False)["input_ids"]
        told = tokenizer(prompt.start, add_special_tokens=False)["input_ids"]
        rest = tokenizer(answer.removeprefix(prompt.start), add_special_tokens=False)["input_ids"]
        rows.append((asked, [*told, *rest, tokenizer.eos_token_id]))
    longest = max(len(asked) + len(told) for asked, told in rows)
    ids = torch.full((len(rows), longest), tokenizer.pad_token_id)
    labels = torch.full((len(rows), longest), -100)
    mask = torch.zeros((len(rows), longest), dtype=torch.int64)
    for place, (asked, told) in enumerate(rows):
        length = len(asked) + len(told)
        ids[place, :length] = torch.tensor([*asked, *told])
        labels[place, len(asked) : length] = torch.tensor(told)
        mask[place, :length] = 1
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(steps):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
