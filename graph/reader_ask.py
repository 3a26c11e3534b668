"""A stranger's question, all the way: guard, reader, plain values. The API, the command line and the tests ask here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from graph.guard.check import check
from graph.guard.policy import Policy
from graph.reader import Question, Reader, Ticket
from graph.result_answer import Answer
from graph.result_values import Shaper


@contextmanager
def asked(reader: Reader, question: Question, policy: Policy, ticket: Ticket | None = None) -> Iterator[Answer]:
    """The answer, read from the store as it is iterated. Raises as `check` and `Reader.read`."""
    started, ticket = time.monotonic(), ticket or Ticket()
    catalogue = reader.surveyed(policy)
    checked = check(question.text, question.parameters, policy=policy, catalogue=catalogue)
    text = reader.dialect(checked.text)
    if text != checked.text:  # What is executed is what was checked.
        checked = check(text, question.parameters, policy=policy, catalogue=catalogue)
    with reader.read(checked, question.limits, ticket) as records:
        shaper = Shaper(policy, embeddings=question.embeddings)
        yield Answer(reader, records, shaper, started=started, ticket=ticket)
