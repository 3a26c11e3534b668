"""Home pages by scenario: presets of shelves over the one graph and the published models."""
