"""What has to hold before a server listens, and what is read when a worker starts."""

from __future__ import annotations

import logging
from contextlib import closing

from starlette.concurrency import run_in_threadpool

from graph.errors import ProviderUnavailable, Unsupported
from serving.access.access import Access, is_loopback, make_access
from serving.access.keys import KeyStore
from serving.settings import Settings

log = logging.getLogger("interlace.api")


def refuse_strangers(settings: Settings) -> None:
    """Raises `Unsupported` for an address that others could reach while nobody has a key, `InvalidData` for an issuer
    that is set up wrongly. An issuer that does not answer now may answer later.
    """
    if settings.oidc_issuer:
        with closing(make_access(settings)) as access:
            assert access.issuer is not None
            try:
                access.issuer.keys.load()
            except ProviderUnavailable as error:
                log.warning("%s", error.what)
        return
    if is_loopback(settings.host):
        return
    with closing(KeyStore(settings.home)) as keys:
        if not keys.any_active():
            raise Unsupported(
                f"cannot bind to {settings.host!r}: others could reach it, and there is no API key yet",
                valid="127.0.0.1, ::1 or localhost; any address once there is a key or an OpenID Connect issuer",
                remedy="interlace keys create NAME --role admin, then serve again; or bind to 127.0.0.1",
            )


async def start_access(access: Access) -> None:
    """Reads the issuer's keys, where there is one."""
    if access.issuer is not None:
        await run_in_threadpool(access.issuer.keys.reload)
