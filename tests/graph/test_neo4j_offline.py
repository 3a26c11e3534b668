"""Neo4j's own importer on a real, stopped Neo4j: what it loads is the graph that an ingest into a running one makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.errors import Conflict, NotFound, StoreUnavailable
from graph.export.neo4j_csv import write_neo4j_csv
from graph.export.spool import Spool
from graph.ingest import ingest
from graph.neo4j_offline import _failed, admin_command, import_offline, run_importer
from graph.neo4j_store import Neo4jStore
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_folder, read_snapshot
from graph.sources.detect import open_path
from tests.congruence.graphs import generate
from tests.graph.made import NOW, SHOP, write
from tools import neo4j


def test_the_home_of_no_neo4j_is_named(tmp_path):
    with pytest.raises(NotFound, match="neo4j-admin"):
        admin_command(tmp_path)
    assert admin_command(tmp_path, "java -cp 'a b' Tool") == ["java", "-cp", "a b", "Tool"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("Database already exist. Re-run with `--overwrite-destination`", Conflict),
        ("The database is in use. Stop database 'neo4j' and try again.", Conflict),
        ("Input error: a header without :ID", StoreUnavailable),
    ],
)
def test_why_the_importer_failed(said, error):
    found = _failed(said)
    assert type(found) is error
    assert said in found.what
    assert found.remedy


def test_headers_and_arguments(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.add(generate(1).batches)
    (tmp_path / "out").mkdir()
    write_neo4j_csv(spool, tmp_path / "out")
    header = (tmp_path / "out" / "nodes.Item.csv").read_text().split("\n")[0]
    assert header == '"id:ID(Item)","adult:boolean","score:double","tags:string[]","title:string","year:long"'
    header = (tmp_path / "out" / "relationships.RATED.User.Item.csv").read_text().split("\n")[0]
    assert header == '":START_ID(User)",":END_ID(Item)","at:long","value:double"'
    arguments = (tmp_path / "out" / "import.args").read_text().split("\n")
    assert "--relationships=RATED=relationships.RATED.User.Item.csv" in arguments


@pytest.mark.neo4j
@pytest.mark.slow
@pytest.mark.integration
def test_a_stopped_neo4j_gets_everything(tmp_path: Path) -> None:
    if missing := neo4j.missing_tools():
        pytest.skip(f"no Neo4j: {' and '.join(missing)} not found")
    jars = neo4j.fetch_jars()
    home = tmp_path / "neo4j"
    server = neo4j.Neo4j(home, neo4j.free_port(), heap_mb=512)
    server._write_settings()
    server._set_password(jars)
    admin = ["java", "-Xmx512m", *neo4j.JAVA_OPTIONS, "-cp", f"{jars}/*", "org.neo4j.cli.AdminTool"]
    folder = write(tmp_path / "data", SHOP)
    report = import_offline(
        open_path(folder, now=NOW), platform="shop", neo4j_home=home, home=tmp_path / "home", admin=admin
    )
    expected = read_folder(folder, platform="shop", now=NOW).snapshot
    assert report.nodes > len(expected.users) + len(expected.items)
    pid = server.start()
    try:
        store = Neo4jStore.open(server.uri, password=server.password)
        assert content_hash(read_snapshot(store)) == content_hash(expected)
        again = ingest(store, folder, platform="shop", home=tmp_path / "home", now=NOW)
        assert (again.nodes, again.relationships, again.changed) == (0, 0, 0)
        assert {"id_User", "id_Item"} <= {row[0] for row in store.query("SHOW CONSTRAINTS YIELD name")}
        store.close()
    finally:
        neo4j.stop(pid)
    with pytest.raises(Conflict, match="there already"):
        run_importer(_files(tmp_path), home, admin)


def _files(folder: Path) -> Path:
    spool = Spool(folder / "spool")
    spool.add(generate(1).batches)
    (folder / "files").mkdir()
    write_neo4j_csv(spool, folder / "files")
    return folder / "files"
