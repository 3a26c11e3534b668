"""Re-ranking: a second look at the few best candidates of a first stage."""
