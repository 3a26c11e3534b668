"""Index, recommendations, HTTP API, page and command line."""
