"""From settings to an open graph store: the password's file is read here and nowhere else."""

from __future__ import annotations

from graph.errors import InvalidData
from graph.local_server import LocalOptions
from graph.store import GraphStore, open_store
from serving.settings import Settings


def connect(settings: Settings) -> GraphStore:
    """Opens the store that `settings` name. Raises `StoreUnavailable`, or `InvalidData` for a bad URL or file."""
    password = None
    if settings.store_password_file is not None:
        try:
            password = settings.store_password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidData(
                f"cannot read the store's password file {str(settings.store_password_file)!r} ({error.strerror})",
                valid="a readable file that holds the password alone",
                remedy="set INTERLACE_STORE_PASSWORD_FILE to it",
            ) from error
    local = LocalOptions(heap_mb=settings.store_heap_mb, memory_mb=settings.store_memory_mb)
    return open_store(settings.store_url, user=settings.store_user, password=password, local=local)
