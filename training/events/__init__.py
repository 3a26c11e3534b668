"""Events to come: what is known at a cut in time, signals of who goes where, and a ranking learned from them."""
