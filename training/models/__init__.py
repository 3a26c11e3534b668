"""One recommendation model a file."""
