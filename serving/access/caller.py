"""Who sends a request: a role, and whom or what it is bound to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from fastapi import Request

OIDC = "oidc:"
"""Before the subject of a token, where a caller is named by one."""
SCOPE_KEY = "interlace.caller"
"""Where the gate leaves the caller in the ASGI scope."""


class Role(IntEnum):
    """What a caller may do; each role may do what those before it may."""

    PUBLIC = 0
    READER = 1
    WRITER = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As people and settings write it."""
        return self.name.lower()


ROLES = tuple(role.word for role in (Role.READER, Role.WRITER, Role.ADMIN))


@dataclass(frozen=True, slots=True)
class Caller:
    """`name`: what the audit log calls it, never a secret. `platform`: the only one it sees, empty for all.

    `user`: the only user it sees, for users' own tokens; their `platform` is the user's.
    """

    name: str
    role: Role
    platform: str = ""
    user: str = ""

    def sees(self, identity: str) -> bool:
        """Whether a user's or item's id lies on the caller's platform."""
        return not self.platform or identity.startswith(f"{self.platform}:")

    def named(self, pseudonym: Callable[[str], str]) -> str:
        """The name for a log. In a user's own token the subject is theirs as an id is, so `pseudonym` stands for it;
        whoever has a role answers for what they do by name.
        """
        subject = self.name.removeprefix(OIDC)
        return self.name if subject == self.name or not self.user else OIDC + pseudonym(subject)

    @property
    def bound(self) -> bool:
        """Whether it sees less than everything."""
        return bool(self.platform or self.user)


LOCAL = Caller("local", Role.ADMIN)
"""Everybody on this machine, where the server takes no keys."""
NOBODY = Caller("nobody", Role.PUBLIC)


def seat_of(request: Request) -> str:
    """Whom to count for what one caller may run at the same time: the key, or the address where none is needed."""
    caller = caller_of(request)
    return caller.name if caller is not LOCAL else request.client.host if request.client else ""


def caller_of(request: Request) -> Caller:
    """Who sends this request. An application without a gate has no strangers: its caller is `LOCAL`."""
    found: Caller = request.scope.get(SCOPE_KEY, LOCAL)
    return found
