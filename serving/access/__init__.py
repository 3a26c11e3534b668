"""Who may do what: keys, roles, bounds, rate limits, the audit log. `serving.access.gate` stands before the routes."""
