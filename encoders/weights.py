"""Where a model's files are, and the version that they give an encoder.

A name is a folder on this machine or a repository of the Hugging Face hub; the hub's own cache is asked first, so a
model that was fetched once needs no network. Only JSON, tokenizer and safetensors files are fetched: nothing is
unpickled.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from graph.errors import NotFound

FETCHED = ("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CHUNK = 1 << 22


def model_folder(reference: str) -> Path:
    """The folder of a local or hub model; raises `NotFound` where neither exists or the hub cannot be reached."""
    folder = Path(reference).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = list(FETCHED)
    try:
        return Path(snapshot_download(reference, allow_patterns=patterns, local_files_only=True))
    except HFValidationError as error:
        raise _missing(reference) from error
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(snapshot_download(reference, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise _missing(reference) from error


def _missing(reference: str) -> NotFound:
    return NotFound(
        f"no model {reference!r} on this machine, and the Hugging Face hub did not give it",
        valid="a folder with the model's files, or the name of a hub repository such as 'BAAI/bge-small-en-v1.5'",
        remedy="check the name and the network, or use the encoder that is shipped: 'minilm' or 'efficientnet-lite0'",
    )


def files_version(files: Iterable[Path], settings: str) -> str:
    """Twelve hex digits of the files' names and contents, in the order given, and of the settings used with them."""
    digest = hashlib.sha256(settings.encode())
    for file in files:
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()[:12]


def folder_version(folder: Path, settings: str) -> str:
    """Version of a model folder: of the hub's commit where it is one, else of the content of its files."""
    if _COMMIT.fullmatch(folder.name):
        return files_version([], f"{settings} {folder.name}")
    kept = (file for pattern in FETCHED for file in folder.rglob(pattern))
    return files_version(sorted(set(kept)), settings)
