"""The HTTP application: routes plus a lifespan. Nothing it imports may import torch or `training`."""
