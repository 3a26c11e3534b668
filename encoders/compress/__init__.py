"""Encoders made smaller and faster, each measured beside the one it was made of."""
