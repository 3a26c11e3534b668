"""GET /v1/graph/schema on both stores: counts, types, pairs, indexes, and examples that run; nothing that is hidden."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from graph.schema import Entity, Interaction, Triple
from graph.store import GraphStore
from serving.app import create_app
from serving.gateway import Gateway
from serving.service import make_service
from serving.settings import Settings
from tests.serving.conftest import client

pytestmark = pytest.mark.integration


def test_the_schema_of_a_graph(any_store: GraphStore, home: Path) -> None:
    any_store.write(
        [
            Entity("User", "p:ann", {"email": "ann@example.org", "age": 41}),
            Entity("User", "p:bob", {"age": 30.5}),
            Entity("Item", "p:i1", {"title": "One", "tags": ["a"]}),
            Entity("Genre", "Genre:Noir", {"name": "Noir"}),
            Entity("Credential", "c:1", {"what": "secret"}),
            Entity("Staff", "s:1", {"name": "Eve"}),
        ],
        [Interaction("p:ann", "p:i1", "rated", 4.5, 100), Interaction("p:bob", "p:i1", "rated", 3.0, 200)],
        [Triple("p:i1", "HAS_GENRE", "Genre:Noir", "Item", "Genre")],
    )
    settings = Settings(home=home, hidden_labels="staff")
    service = make_service(settings, gateway=Gateway(lambda: any_store))
    send = client(create_app(settings, service))
    found = send("/v1/graph/schema").json()
    document = send("/v1/openapi.json").json()
    jsonschema.validate(found, {"$ref": "#/components/schemas/Schema", "components": document["components"]})
    labels = {one["name"]: one for one in found["labels"]}
    labels.pop("GraphChange", None)
    assert {name: one["count"] for name, one in labels.items()} == {"User": 2, "Item": 1, "Genre": 1}
    assert labels["User"]["properties"] == {"age": "Number", "id": "String"}
    assert labels["Item"]["properties"] == {"id": "String", "tags": "List<String>", "title": "String"}
    rated = next(one for one in found["relationships"] if one["name"] == "RATED")
    assert (rated["count"], rated["pairs"]) == (2, [{"start": "User", "end": "Item"}])
    assert rated["properties"] == {"at": "Integer", "value": "Float"}
    assert {"label": "Item", "properties": ["id"], "kind": "unique"} in found["indexes"]
    assert len(found["examples"]) >= 5
    for example in found["examples"]:
        answer = send("/v1/cypher", "POST", json={"query": example["query"]})
        assert answer.status_code == 200, (example, answer.text)
    service.cypher.close()
