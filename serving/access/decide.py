"""May this caller do this: the rule of the route against role and bounds. Says nothing of whether an id exists."""

from __future__ import annotations

from urllib.parse import unquote

from serving.access.caller import Caller, Role
from serving.access.refusal import Refused, forbidden, unauthorized
from serving.access.rules import Bound, Rule

OTHERS = "this key sees no such id"


def refusal(rule: Rule, caller: Caller, part: str) -> Refused | None:
    """None when the request may go on. `part`: the id in the path, still percent-encoded."""
    if rule.needs is Role.PUBLIC:
        return None
    if caller.role is Role.PUBLIC:
        return unauthorized("this server answers to keys alone", invalid=False)
    return _of_user(rule, caller, part) if caller.user else _of_key(rule, caller, part)


def _of_key(rule: Rule, caller: Caller, part: str) -> Refused | None:
    if caller.role < rule.needs:
        role = rule.needs.word
        return forbidden(f"this needs the role {role}; the key has {caller.role.word}", valid=f"a key of role {role}",
                         remedy="ask an administrator for one", reason="role")  # fmt: skip
    if not caller.platform:
        return None
    if rule.bound is Bound.WHOLE:
        return forbidden("this speaks of every platform; the key is bound to one", valid="a key without a platform",
                         remedy="ask an administrator for one", reason="platform")  # fmt: skip
    return None if _in_platform(rule, caller, part) else out_of_reach(caller)


def out_of_reach(caller: Caller) -> Refused:
    """The same words whether the id exists or not."""
    valid = f"the user {caller.user!r} alone" if caller.user else f"ids that begin with {caller.platform + ':'!r}"
    return forbidden(OTHERS, valid=valid, remedy="ask for what the key is for, or use another key", reason="scope")


def _of_user(rule: Rule, caller: Caller, part: str) -> Refused | None:
    if not rule.people:
        return forbidden("a user's own token may not do this", valid="what concerns this user, and the catalogue",
                         remedy="use a key of role reader or more", reason="user")  # fmt: skip
    if rule.bound is Bound.USER:
        return None if _decoded(part) == caller.user else out_of_reach(caller)
    return None if _in_platform(rule, caller, part) else out_of_reach(caller)


def _in_platform(rule: Rule, caller: Caller, part: str) -> bool:
    if rule.bound not in {Bound.USER, Bound.ITEM}:
        return True
    identity = _decoded(part)
    return identity is not None and caller.sees(identity)


def _decoded(part: str) -> str | None:
    """As the routes decode it (`serving.routes.parameters`)."""
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        return None
