"""`interlace doctor`: is everything here that Interlace needs, and if not, how to mend it.

Each check does the real thing once (starts the store, opens MLflow, encodes a word) instead of guessing from versions.
"""

from __future__ import annotations

import io
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING, Literal

from graph.errors import InterlaceError, NotFound
from serving.index_trust import SIGNATURE
from serving.settings import Settings

if TYPE_CHECKING:
    from encoders.base import Modality

Status = Literal["ok", "warn", "fail"]

PYTHONS = ((3, 11), (3, 14))
"""First supported version, first unsupported one."""
LITTLE_DISK, NO_DISK = 5 * 2**30, 2**29


@dataclass(frozen=True)
class Check:
    """One thing looked at: `detail` says what was found, `remedy` what to do about it (empty when all is well)."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def examine(settings: Settings, before: Callable[[str], None] = lambda _name: None) -> Iterator[Check]:
    """Every check in turn; `before` is told the name of the one that starts."""
    checks: dict[str, Callable[[Settings], Check]] = {
        "python": _python,
        "packages": _packages,
        "home": _home,
        "disk": _disk,
        "store": _store,
        "index": _index,
        "mlflow": _mlflow,
        "text encoder": lambda _: _encoder("text"),
        "image encoder": lambda _: _encoder("image"),
        "audio encoder": lambda _: _encoder("audio"),
        "gpu": _gpu,
        "port": _port,
        "access": _access,
    }
    for name, check in checks.items():
        before(name)
        try:
            yield check(settings)
        except InterlaceError as error:
            yield Check(name, "fail", error.what, error.remedy)


def _python(_settings: Settings) -> Check:
    found = sys.version.split()[0]
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return Check("python", "ok", found)
    return Check("python", "fail", f"{found} is not supported", "install Python 3.11, 3.12 or 3.13, then make install")


def _packages(_settings: Settings) -> Check:
    """Every dependency of the installed distribution against its bounds."""
    wrong = [text for text in map(_wrong, requires("interlace") or []) if text]
    if not wrong:
        return Check("packages", "ok", f"interlace {version('interlace')} and all that it needs")
    return Check("packages", "fail", "; ".join(wrong), "make install (or: pip install --upgrade interlace)")


def _wrong(line: str) -> str:
    from packaging.requirements import Requirement

    requirement = Requirement(line)
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return ""
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is missing"
    fits = requirement.specifier.contains(found, prereleases=True)
    return "" if fits else f"{requirement.name} {found} is not {requirement.specifier}"


def _home(settings: Settings) -> Check:
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        remedy = "mend its permissions, or choose another --home"
        return Check("home", "fail", f"cannot write in {home} ({error.strerror})", remedy)
    return Check("home", "ok", str(home.resolve()))


def _disk(settings: Settings) -> Check:
    folder = next(path for path in (settings.home.resolve(), *settings.home.resolve().parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    status: Status = "ok" if free > LITTLE_DISK else "warn" if free > NO_DISK else "fail"
    remedy = "" if status == "ok" else "free some space, or choose a --home on another disk"
    return Check("disk", status, f"{free / 2**30:.1f} GiB free at {folder}", remedy)


def _store(settings: Settings) -> Check:
    """Opens the store (the local one is started with its own Java) and asks it one question."""
    from serving.connect import connect

    store = connect(settings)
    try:
        count = store.query("MATCH (n) RETURN count(n) AS nodes", {}).rows[0][0]
    finally:
        store.close()
    return Check("store", "ok", f"{settings.store_url} answers, {count:,} nodes")


def _index(settings: Settings) -> Check:
    """Every byte of the published index against its signed manifest, whatever was found right before."""
    from graph.whole_files import OWNER_ONLY
    from serving.index import FOLDER, checked, current_version
    from serving.signing import KEY, PUBLIC, can_verify

    try:
        folder = settings.home / FOLDER / current_version(settings.home)
    except NotFound:
        return Check("index", "ok", "none has been published yet")
    begun = time.perf_counter()
    files = checked(settings.home, folder, anew=True)["files"]
    size = sum(one["bytes"] for one in files.values()) / 2**20
    detail = f"{folder.name}: {len(files)} files, {size:,.1f} MiB, hashed in {time.perf_counter() - begun:.1f} s"
    if not can_verify(settings.home):
        remedy = f"copy {PUBLIC} from where it was published to {settings.home}"
        return Check("index", "warn", f"{detail}; nobody can say who published it: there is no {PUBLIC}", remedy)
    if not (folder / SIGNATURE).is_file():
        remedy = "publish it again: interlace refresh --only publish"
        return Check("index", "warn", f"{detail}; it is older than the key and not signed", remedy)
    key = settings.home / KEY
    if key.is_file() and key.stat().st_mode & 0o077:
        return Check("index", "warn", f"{key} can be read by others", f"chmod {OWNER_ONLY:o} {key}")
    return Check("index", "ok", f"{detail}, signed with {settings.home / PUBLIC}")


def _mlflow(settings: Settings) -> Check:
    from training.registry import Registry
    from training.tracking import open_tracker

    models = Registry(open_tracker(settings.mlflow)).list_models()
    return Check("mlflow", "ok", f"{settings.mlflow} answers, {len(models)} registered models")


def _encoder(modality: Modality) -> Check:
    """Loads the default encoder of `modality`: this is where missing weights show."""
    from encoders.registry import DEFAULTS, open_encoder

    encoder = open_encoder(DEFAULTS[modality])
    encoder.encode([_sample(modality)])
    return Check(f"{modality} encoder", "ok", f"{encoder.name} {encoder.version}, {encoder.dim} dimensions")


def _sample(modality: Modality) -> str | bytes:
    """The smallest thing there is to encode."""
    if modality == "text":
        return "a word"
    if modality == "audio":
        return _tone()
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


def _tone() -> bytes:
    """A tenth of a second of a square wave, as WAV."""
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes((b"\x40" * 8 + b"\xc0" * 8) * 50)
    return file.getvalue()


def _gpu(_settings: Settings) -> Check:
    import torch

    if torch.cuda.is_available():
        return Check("gpu", "ok", torch.cuda.get_device_name(0))
    return Check("gpu", "ok", "none; encoding and training run on the processor")


def _port(settings: Settings) -> Check:
    """Is the server's port free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            remedy = "stop the program that holds it, or choose another --port or INTERLACE_PORT"
            return Check("port", "warn", f"{where} cannot be bound ({error.strerror})", remedy)
    return Check("port", "ok", f"{settings.host}:{settings.port} is free")


def _access(settings: Settings) -> Check:
    """Who could do what, if the server started now."""
    from serving.access.access import is_loopback, keys_required, make_access

    with closing(make_access(settings)) as access:
        keys = sum(key.state(time.time()) == "active" for key in access.keys.all())
    known = f"{keys} keys in use" + (f", tokens of {settings.oidc_issuer}" if settings.oidc_issuer else "")
    if keys_required(settings):
        if keys or settings.oidc_issuer:
            return Check("access", "ok", f"callers need a key; {known}")
        remedy = "interlace keys create NAME --role admin"
        return Check("access", "fail" if not is_loopback(settings.host) else "warn", "there is no key yet", remedy)
    detail = f"everybody on this machine is an administrator; {known}"
    if keys or settings.oidc_issuer or settings.allowed_hosts or settings.trusted_proxies:  # others are meant to come
        return Check("access", "warn", f"the server would be open: {detail}", "set INTERLACE_REQUIRE_KEYS=true")
    return Check("access", "ok", detail)
