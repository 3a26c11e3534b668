"""Readers: one file format each, into `NodeBatch` and `EdgeBatch`."""
