"""The graph out of a store again: one writer a format."""
