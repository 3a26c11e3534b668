"""Attacks by group. Each is shown to do harm where no guard stands before the store, then to be refused."""
