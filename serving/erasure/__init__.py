"""Erasing people: every place that holds something of them, a record, a signed receipt, a search for traces."""
