"""What the server says of itself: metrics, logs, traces. Hooks into it are `record.stage`, `record.timed`, `Shown`."""
