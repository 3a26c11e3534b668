from __future__ import annotations

import subprocess
import sys

import pytest

from encoders.registry import DEFAULTS, ENCODERS, known_names, open_encoder, resolve_names
from graph.errors import InvalidData, NotFound


@pytest.mark.parametrize("name", ["nothing", "", "minilm:", "minilm:x", "sentence-transformers", "open-clip:", ":x"])
def test_an_unknown_name_lists_the_valid_ones(name: str) -> None:
    with pytest.raises(NotFound) as caught:
        open_encoder(name)
    assert all(known in caught.value.valid for known in known_names())


def test_defaults_are_shipped_encoders_of_their_modality() -> None:
    for modality, name in DEFAULTS.items():
        assert ENCODERS[name].modality == modality
        assert not ENCODERS[name].reference


def test_names_given_win_over_defaults() -> None:
    assert resolve_names(("text", "image", "audio"), None) == dict(DEFAULTS)
    assert resolve_names(("text",), {"text": "sentence-transformers:x"}) == {"text": "sentence-transformers:x"}


def test_an_encoder_of_another_modality() -> None:
    with pytest.raises(InvalidData, match="encodes text, not image"):
        resolve_names(("image",), {"image": "minilm"})
    with pytest.raises(InvalidData, match="smell"):
        resolve_names(("smell",), None)


def test_knowing_name_and_version_loads_no_model_library() -> None:
    code = (
        "import sys; from encoders.encode import encode_items; from encoders.registry import *\n"
        "print([open_encoder(name).version for name in DEFAULTS.values()])\n"
        "print(sorted({'torch', 'transformers', 'open_clip', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "[]"
