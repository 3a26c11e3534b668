"""Readers: one a format, each a stream of bounded, validated chunks. First arrow of the flow, before `graph.ingest`."""
