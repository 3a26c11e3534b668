"""Who is who, and what is the same: probabilistic linkage of users and items across platforms."""
