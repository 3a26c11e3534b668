"""Committed commands that print the numbers in the docs: data set, split, seed and machine beside each."""
