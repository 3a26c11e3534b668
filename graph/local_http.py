"""The local server's HTTP side: SQL schema commands, the batch endpoint, databases."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
import orjson

from graph.errors import Conflict, InterlaceError, InvalidData, StoreUnavailable
from graph.local_server import Endpoint

TIMEOUT_SECONDS = 600.0
CONTROL_SECONDS = 5.0
READER = "interlace-reader"
READERS = "readers"


class LocalHttp:
    """One HTTP connection pool to one database of a local server."""

    def __init__(self, endpoint: Endpoint, url: str, database: str) -> None:
        self._url = url
        self._database = database
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{endpoint.http}/api/v1",
            auth=("root", endpoint.password),
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def create_database(self) -> None:
        """Creates the database where it is absent."""
        if not self._send("GET", f"/exists/{self._database}")["result"]:
            self._send("POST", "/server", {"command": f"create database {self._database}"})

    def close_database(self) -> None:
        """Writes everything to its files and ends the log; the next query opens it again."""
        self._send("POST", "/server", {"command": f"close database {self._database}"})

    def drop_database(self) -> None:
        self._send("POST", "/server", {"command": f"drop database {self._database}"})

    def sql(self, command: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Runs an SQL command of the server; all of its rows."""
        body = {"language": "sql", "command": command, "params": dict(parameters or {}), "limit": -1}
        return list(self._send("POST", f"/command/{self._database}", body)["result"])

    def batch(self, lines: bytes | memoryview, records: int) -> None:
        """Creates the records of JSON Lines; raises when the server did not create every one."""
        answer = self._request(
            "POST",
            f"/batch/{self._database}",
            content=bytes(lines),
            params={"wal": "true", "idMapping": "false", "expectedRecords": str(records)},
            headers={"content-type": "application/x-ndjson"},
        )
        done = answer["verticesCreated"] + answer["edgesCreated"]
        if done != records:
            raise StoreUnavailable(
                f"the graph store at {self._url} took {done} of {records} records", remedy="ingest again"
            )

    def ensure_reader(self, password: str) -> None:
        """Creates the user that strangers' queries run as: one that may read the records of any database, no more."""
        groups = self._send("GET", "/server/groups")["result"]["databases"]["*"]["groups"]
        if READERS not in groups:
            rights = {"access": [], "resultSetLimit": -1, "readTimeout": -1, "types": {"*": {"access": ["readRecord"]}}}
            self._send("POST", "/server/groups", {"database": "*", "name": READERS, **rights})
        if READER in {user["name"] for user in self._send("GET", "/server/users")["result"]}:
            if self._admits(password):
                return
            self._send("DELETE", "/server/users", params={"name": READER})
        user = {"name": READER, "password": password, "databases": {"*": [READERS]}}
        try:
            self._send("POST", "/server/users", user, wanted=(httpx.codes.CREATED,))
        except InterlaceError as error:
            if "exists" not in error.what:  # Another process was faster.
                raise

    def _admits(self, password: str) -> bool:
        """Whether the reader's password is this one: a folder whose password file was lost gets a new one."""
        answer = self._client.get(f"/exists/{self._database}", auth=(READER, password), timeout=CONTROL_SECONDS)
        return answer.status_code == httpx.codes.OK

    def running(self, port: int) -> list[str]:
        """Ids of the queries that run on the Bolt connection that comes from this port."""
        queries = self._send("POST", "/server", {"command": "list queries"}, timeout=CONTROL_SECONDS)["result"]
        return [str(query["id"]) for query in queries if query.get("clientAddress", "").endswith(f":{port}")]

    def terminate(self, query: str) -> None:
        """Asks the server to end a query; harmless when it has ended."""
        with suppress(InvalidData, StoreUnavailable):
            self._send("POST", "/server", {"command": f"terminate query {query}"}, timeout=CONTROL_SECONDS)

    def close(self) -> None:
        self._client.close()

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        content = None if body is None else orjson.dumps(body)
        return self._request(method, path, content=content, headers={"content-type": "application/json"}, **options)

    def _request(
        self, method: str, path: str, wanted: tuple[int, ...] = (httpx.codes.OK,), **options: Any
    ) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **options)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile.
            raise StoreUnavailable(
                f"the graph store at {self._url} cannot be reached ({error})",
                remedy="try again: the next command starts it; read log/child.log in its folder",
            ) from error
        if answer.status_code not in wanted:
            raise self._error(answer)
        return dict(orjson.loads(answer.content))

    def _error(self, answer: httpx.Response) -> InterlaceError:
        try:
            report = orjson.loads(answer.content)
            said = str(report.get("detail") or report.get("error"))
            kind = str(report.get("exception", ""))
        except orjson.JSONDecodeError:
            said, kind = answer.text, ""
        what = f"the graph store at {self._url} answered {answer.status_code}: {said}"
        if "DuplicatedKey" in kind:
            return Conflict(what, valid="ids that are unique per label", remedy="load only what is new")
        if "locked" in said:
            return Conflict(what, remedy="end the other process that has this store's files open")
        if answer.status_code == httpx.codes.BAD_REQUEST:
            return InvalidData(what, remedy="correct the command or the record it names")
        return StoreUnavailable(what, remedy="read log/child.log in its folder; check free disk and memory")
