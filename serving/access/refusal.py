"""What the gate answers to whom it does not let through."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Response

from graph.errors import InterlaceError
from serving.problem import problem

KEY_REMEDY = "send Authorization: Bearer KEY; interlace keys create makes one"


class Refused(InterlaceError):
    """A request that goes no further. `reason` is a word for the audit log; `headers` go with the answer."""

    def __init__(
        self, status: int, title: str, what: str, *, valid: str = "", remedy: str = "", reason: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(what, valid=valid, remedy=remedy)
        self.status, self.title, self.reason = status, title, reason
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """As problem+json."""
        answer = problem(self.status, self.title, self.what, self.valid, self.remedy)
        answer.headers.update(self.headers)
        return answer


def unauthorized(what: str, *, invalid: bool) -> Refused:
    """401. `invalid`: a key or token came with the request and is no good."""
    challenge = 'Bearer realm="interlace"' + (', error="invalid_token"' if invalid else "")
    return Refused(
        401, "Unauthorized", what, valid="a key or token that is in use", remedy=KEY_REMEDY,
        reason="bad-key" if invalid else "no-key", headers={"WWW-Authenticate": challenge},
    )  # fmt: skip


def forbidden(what: str, *, valid: str, remedy: str, reason: str) -> Refused:
    """403."""
    return Refused(403, "Forbidden", what, valid=valid, remedy=remedy, reason=reason)
