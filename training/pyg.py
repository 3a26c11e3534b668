"""The parts of PyTorch Geometric that are used here, imported without its import-time noise.

PyG compiles helpers with `torch.jit.script` on import, and torch warns of that to everybody who trains a model.
"""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="`torch.jit.script` is deprecated", category=FutureWarning)
    from torch_geometric import EdgeIndex
    from torch_geometric.data import HeteroData
    from torch_geometric.nn import MessagePassing

__all__ = ["EdgeIndex", "HeteroData", "MessagePassing"]
