"""Private training: what a budget allows, noise that nobody can guess, and what models give away all the same."""
