"""From a snapshot to a measured, tracked model."""
