"""Many first requests at once: all of them get the index, none is told that it is not open yet."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import serving.service as module
from serving.service import IndexHolder


def test_requests_at_the_start_wait_for_the_index(tmp_path, monkeypatch):
    opened = []

    def slowly(home):
        time.sleep(0.2)
        opened.append(home)
        return object()

    monkeypatch.setattr(module, "open_index", slowly)
    holder = IndexHolder(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: holder.get(), range(8)))
    assert len(opened) == 1
    assert all(index is found[0] for index in found)
