"""Private properties: encrypted wherever they are kept, shown to nobody, and readable throughout a rotation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from graph.errors import Conflict, InvalidData, NotFound
from graph.ingest import ingest
from graph.local_store import LocalStore
from graph.private import Cipher, KeyFile, is_hidden
from graph.snapshot_files import content_hash
from graph.snapshot_fresh import take_snapshot
from graph.snapshot_store import read_snapshot
from serving.app import create_app
from serving.cli.main import app as command
from serving.flush import flush
from serving.gateway import Gateway
from serving.overlay import Overlay
from serving.private_rotation import rotate
from serving.service import make_service
from serving.settings import Settings

MAIL, YEAR = "ada@home.example", 1815
NAMES = "email, birth_year"


def new_cipher(folder: Path) -> Cipher:
    keys = KeyFile(folder / "private.keys")
    keys.create()
    return Cipher(keys, ("email", "birth_year"))


@pytest.mark.parametrize("value", [MAIL, YEAR, 1.5, True, ["a", "b"], "", "é\n\0"])
def test_a_value_comes_back_as_it_was(tmp_path: Path, value: Any) -> None:
    cipher = new_cipher(tmp_path)
    text = cipher.hide("p:ada", "email", value)
    assert is_hidden(text)
    assert cipher.show("p:ada", "email", text) == value
    assert cipher.hide("p:ada", "eMail", value) == text == cipher.hide("p:ada", "email", text)
    others = {cipher.hide(*about, value) for about in (("p:bob", "email"), ("p:ada", "birth_year"))}
    assert len({text, *others}) == 3, "nobody sees who shares a value"
    with pytest.raises(Conflict, match="'email' of user 'p:bob' cannot be decrypted"):
        cipher.show("p:bob", "email", text)


def test_the_key_file_is_its_owners_and_never_made_twice(tmp_path: Path) -> None:
    keys = new_cipher(tmp_path).keys
    assert keys.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="is there already"):
        keys.create()
    keys.path.write_text(keys.path.read_text() + "short\n")
    with pytest.raises(InvalidData, match="line 2 is no key"):
        keys.keys()
    keys.path.unlink()
    with pytest.raises(NotFound, match="interlace keys create-private"):
        keys.keys()


def source(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "users.csv").write_text(f"user,email,birth_year,town\nada,{MAIL},{YEAR},Paris\nbob,,1900,Rome\n")
    (folder / "items.csv").write_text("item,title\ni1,Film\n")
    (folder / "interactions.csv").write_text("user,item,kind,time\nada,i1,liked,2026-01-01\nbob,i1,liked,2026-01-01\n")
    return folder


def files_with(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def stored(store: LocalStore, user: str = "p:ada") -> dict[str, Any]:
    found = store.query("MATCH (u:User {id: $id}) RETURN properties(u) AS p", {"id": user}).rows[0][0]
    return dict(found)


class Dying:
    """A store whose process dies when it writes users for the second time."""

    def __init__(self, store: LocalStore) -> None:
        self._store, self._writes = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, text: str, *parameters: Any) -> Any:
        self._writes += "SET u += row.properties" in text
        if self._writes == 2:
            raise KeyboardInterrupt
        return self._store.query(text, *parameters)


@pytest.mark.integration
def test_an_ingest_keeps_nothing_in_the_clear_and_sees_what_changed(local_store: LocalStore, tmp_path: Path) -> None:
    home, cipher, data = tmp_path / "home", new_cipher(tmp_path), source(tmp_path / "data")
    ingest(local_store, data, platform="p", home=home, cipher=cipher)
    node = stored(local_store)
    assert node["town"] == "Paris"
    assert is_hidden(node["email"])
    assert is_hidden(node["birth_year"])
    assert cipher.show_all("p:ada", node)["birth_year"] == str(YEAR), "as the file has it"
    take_snapshot(local_store, home)
    assert not files_with(home, MAIL), "neither in plans, nor in the change log, nor in the snapshot"
    again = ingest(local_store, data, platform="p", home=home, cipher=cipher)
    assert (again.nodes, again.changed) == (0, 0), "the same value is the same text"


@pytest.mark.integration
def test_what_a_server_takes_is_shown_to_nobody(local_store: LocalStore, home: Path, tmp_path: Path) -> None:
    (tmp_path / "index").symlink_to(home / "index")
    cipher = new_cipher(tmp_path)
    settings = Settings(home=tmp_path, private_properties=NAMES, private_key_file=cipher.keys.path)
    app = create_app(settings, make_service(settings, gateway=Gateway(lambda: local_store)))
    send = sender(app)
    put = send("PUT", "/v1/users/p:ada", {"properties": {"email": MAIL, "birth_year": YEAR, "town": "Paris"}})
    assert put.json()["user"]["properties"] == {"town": "Paris"}
    assert send("GET", "/v1/users/p:ada").json()["properties"] == {"town": "Paris"}
    assert not files_with(tmp_path, MAIL)
    flush(local_store, tmp_path)
    assert cipher.show_all("p:ada", stored(local_store))["email"] == MAIL
    node = send("GET", "/v1/graph/User/p:ada").text
    assert "Paris" in node
    assert not any(word in node for word in ("enc1:", MAIL, "birth_year"))
    for returned in ("u.email", "u.birth_year", "u", "properties(u)", "u.email STARTS WITH 'enc1'"):
        query = f"MATCH (u:User) RETURN {returned}"
        answer = send("POST", "/v1/cypher", {"query": query})
        assert "enc1:" not in answer.text
        assert MAIL not in answer.text
        if "email" in query or "birth_year" in query:
            assert answer.status_code == 403


def sender(app: Any) -> Callable[..., httpx.Response]:
    def send(method: str, path: str, body: Any = None) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
                answer = await session.request(method, path, json=body)
            await app.api.state.service.finish()
            return answer

        return asyncio.run(one())

    return send


@pytest.mark.integration
def test_a_rotation_that_is_killed_half_way_loses_nothing_and_goes_on(
    local_store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.private_rotation.USERS_A_WRITE", 1)
    home, cipher = tmp_path / "home", new_cipher(tmp_path)
    ingest(local_store, source(tmp_path / "data"), platform="p", home=home, cipher=cipher)
    with closing(Overlay(home)) as overlay:
        overlay.put_user("p:cleo", cipher.hide_all("p:cleo", {"email": "cleo@home.example"}))
        overlay.put_user("p:dan", {"email": "in the clear, from before it was private"})
    flush(local_store, home)
    take_snapshot(local_store, home)
    (old,) = cipher.keys.keys()
    with pytest.raises(KeyboardInterrupt):
        rotate(Dying(local_store), home, cipher)  # type: ignore[arg-type]
    assert len(cipher.keys.keys()) == 2
    assert {stored(local_store, user)["birth_year"][5:13] for user in ("p:ada", "p:bob")} == set(cipher.keys.keys())
    for user, year in (("p:ada", str(YEAR)), ("p:bob", "1900")):
        assert cipher.show_all(user, stored(local_store, user))["birth_year"] == year
    assert rotate(local_store, home, cipher) >= 2
    (new,) = cipher.keys.keys()
    assert new != old
    assert cipher.show_all("p:ada", stored(local_store))["email"] == MAIL
    assert cipher.show("p:cleo", "email", stored(local_store, "p:cleo")["email"]) == "cleo@home.example"
    assert is_hidden(stored(local_store, "p:dan")["email"])
    with closing(Overlay(home)) as overlay:
        assert all(is_hidden(one.body["email"]) and new in one.body["email"] for one in overlay.since(0))
    after = take_snapshot(local_store, home)
    assert after.how == "changes"
    assert after.hash == content_hash(read_snapshot(local_store))


def test_the_commands(tmp_path: Path) -> None:
    def run(*words: str, **environment: str) -> Any:
        return CliRunner().invoke(command, ["keys", *words, "--home", str(tmp_path), "--json"], env=environment)

    assert run("create-private").exit_code == 2, "no file is named"
    path = tmp_path / "apart" / "private.keys"
    named = {"INTERLACE_PRIVATE_KEY_FILE": str(path)}
    made = run("create-private", **named)
    assert json.loads(made.stdout) == {"file": str(path)}
    assert path.is_file()
    refused = run("rotate-private", **named)
    assert refused.exit_code == 2
    assert "INTERLACE_PRIVATE_PROPERTIES" in refused.output
    with pytest.raises(NotFound, match="no key file"):
        create_app(Settings(home=tmp_path, private_properties="email", private_key_file=tmp_path / "gone"))
