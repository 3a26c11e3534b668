"""The guard's one entry: what a stranger sends is read, judged, and passed on as it is, or refused with the reason.

Layers, each of which stops the common attack alone: limits (`limits`), Neo4j's lexer (`lexer`, `escapes`), the
reading part of Neo4j's grammar (`clauses`), forbidden words (`words`), functions, procedures, costs (`shapes`,
`sizes`, `regexes`), privacy. Behind them stand the store's own barriers: READ access, a read-only user, settings,
time-outs (`graph.reader`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph.errors import InvalidData
from graph.guard.clauses import RULES, statement
from graph.guard.cursor import Cursor
from graph.guard.escapes import check_escapes
from graph.guard.functions import check_functions
from graph.guard.lexer import lex
from graph.guard.limits import check_parameters, check_text, check_tokens
from graph.guard.policy import Catalogue, Checked, Policy
from graph.guard.privacy import check_privacy
from graph.guard.procedures import check_procedures
from graph.guard.regexes import check_regexes
from graph.guard.shapes import check_shape
from graph.guard.sizes import check_sizes
from graph.guard.words import check_words


def check(text: str, parameters: Mapping[str, Any], *, policy: Policy, catalogue: Catalogue) -> Checked:
    """Passes a query that only reads what `policy` shows.

    Raises `Forbidden` for what may not be done, `InvalidData` for what is no query, or too much of one.
    """
    try:
        return _check(text, parameters, policy, catalogue)
    except RecursionError:
        raise InvalidData(
            "the query is nested too deep",
            valid=f"at most {policy.limits.depth} levels",
            remedy="ask in several queries",
        ) from None


def _check(text: str, parameters: Mapping[str, Any], policy: Policy, catalogue: Catalogue) -> Checked:
    check_text(text, policy.limits)
    check_parameters(parameters, policy.limits)
    tokens = lex(text)
    check_escapes(text, tokens)
    brackets = check_tokens(text, tokens, policy.limits)
    cursor = Cursor(text, tokens, brackets, RULES)
    tree = statement(cursor)
    check_words(text, tokens)
    check_functions(text, tokens, tree)
    check_procedures(text, tokens, tree)
    check_shape(text, tokens, tree)
    check_sizes(text, tokens, tree, parameters)
    check_regexes(text, tokens, tree, parameters)
    check_privacy(text, tokens, tree, policy=policy, catalogue=catalogue, parameters=parameters)
    return Checked(text, parameters)
