"""The errors a user may meet. Each says the bad value, what would have been valid, and the remedy.

The command line prints them without a traceback and exits 2; the API answers `status` with them as problem+json.
"""

from __future__ import annotations

__all__ = [
    "Conflict",
    "EncodersUnavailable",
    "Forbidden",
    "InterlaceError",
    "InvalidData",
    "NotFound",
    "ProviderUnavailable",
    "StoreUnavailable",
    "TimedOut",
    "TooLarge",
    "TooMany",
    "Unsupported",
]


class InterlaceError(Exception):
    """Root of every error that Interlace raises on purpose.

    `what` names the bad value, `valid` what would have been accepted, `remedy` what to do now.
    """

    status = 500
    title = "Interlace error"

    def __init__(self, what: str, *, valid: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.valid = valid
        self.remedy = remedy

    def __str__(self) -> str:
        valid = f" Valid: {self.valid}." if self.valid else ""
        remedy = f" Remedy: {self.remedy}." if self.remedy else ""
        return f"{self.what}.{valid}{remedy}"


class InvalidData(InterlaceError):
    """A value from outside that breaks a rule: a file, a row, an option, a request."""

    status = 422
    title = "Invalid data"


class Forbidden(InterlaceError):
    """A request that is understood and that nobody, or not this caller, may make: a write in a read, a secret."""

    status = 403
    title = "Forbidden"


class NotFound(InterlaceError):
    """A user, item, model, file or data set that is not there."""

    status = 404
    title = "Not found"


class Unsupported(InterlaceError):
    """A request that is understood but that this installation or model cannot serve."""

    status = 501
    title = "Not supported"


class StoreUnavailable(InterlaceError):
    """The graph store cannot be reached, or gave up."""

    status = 503
    title = "Graph store unavailable"


class ProviderUnavailable(InterlaceError):
    """The language model cannot be reached, or gave up."""

    status = 503
    title = "Language model unavailable"


class EncodersUnavailable(InterlaceError):
    """The process that holds the encoders cannot be reached, is still loading, or has too much to do."""

    status = 503
    title = "Encoders unavailable"


class Conflict(InterlaceError):
    """Two things that cannot both hold: a port in use, a locked store, a model of another snapshot."""

    status = 409
    title = "Conflict"


class TimedOut(InterlaceError):
    """A query that was ended because it ran longer than it may."""

    status = 504
    title = "Timed out"


class TooLarge(InterlaceError):
    """A request that is longer than one may be."""

    status = 413
    title = "Content too large"


class TooMany(InterlaceError):
    """More at once than one caller, or all of them together, may ask for: the same request may succeed soon."""

    status = 429
    title = "Too many requests"
