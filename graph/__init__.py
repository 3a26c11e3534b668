"""The knowledge graph: schema, stores, ingest, snapshot, explanations."""
