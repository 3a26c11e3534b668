"""Driver errors to ours: what cannot be reached is `StoreUnavailable`, what breaks a constraint `Conflict`."""

from __future__ import annotations

from neo4j.exceptions import AuthError, ClientError, ConstraintError, DriverError, Neo4jError

from graph.errors import Conflict, InterlaceError, InvalidData, StoreUnavailable

_LONGEST_TEXT = 200


def is_transient(error: DriverError | Neo4jError) -> bool:
    """Whether the same transaction may succeed a moment later."""
    return error.is_retryable()


def translate(error: DriverError | Neo4jError, url: str, text: str) -> InterlaceError:
    """The error to raise in place of the driver's, for a query `text` sent to the store at `url`."""
    shown = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    if isinstance(error, AuthError):
        return StoreUnavailable(
            f"the graph store at {url} refused the user name or password",
            remedy="check the user name and the password file of the store",
        )
    if isinstance(error, ConstraintError):
        return Conflict(
            f"the graph store at {url} refused a write: {error.message}",
            valid="ids that are unique per label",
            remedy="change the id, or update the node that has it",
        )
    if isinstance(error, ClientError) and not _gave_up(error):
        return InvalidData(
            f"the graph store refused {shown!r}: {error.message}",
            valid="Cypher of Neo4j 5 with its parameters given",
            remedy="correct the query or its parameters",
        )
    return unavailable(error, url)


def unavailable(error: Exception, url: str) -> StoreUnavailable:
    """The store at `url` cannot be reached, or gave up."""
    return StoreUnavailable(
        f"the graph store at {url} cannot be reached or gave up ({error})",
        remedy="check that it is running and not overloaded, then try again: interlace doctor",
    )


def _gave_up(error: ClientError) -> bool:
    return "Timeout" in (error.code or "") or "TimedOut" in (error.code or "") or "Terminated" in (error.code or "")
