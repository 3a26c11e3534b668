"""What a recommender does for the business: measures from event logs, experiments that may be looked at any time."""
