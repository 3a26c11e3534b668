"""Embedding tables in fewer bytes: half precision, int8, int6, int4, product quantisation. Rows come back as float32.

int8, int6, int4: each row divided by its largest magnitude, which is kept, and rounded to 127, 31, 7 steps either side.
Product quantisation (Jégou, Douze, Schmid 2011): each run of a row's numbers is the nearest of 256 centroids, learned
by k-means; the centroids are counted in the size, so it pays for large tables only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData, NotFound

Table: TypeAlias = NDArray[np.float32]
CENTROIDS = 256


@dataclass(frozen=True)
class Packed:
    """A table of `shape` in the form `form` (a key of `FORMS`): what is kept of it, as arrays."""

    form: str
    shape: tuple[int, int]
    arrays: Mapping[str, NDArray[np.generic]]

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays.values())

    def unpack(self) -> Table:
        """(n, d) float32, near the table that was packed."""
        return FORMS[self.form].unpack(self)


@dataclass(frozen=True)
class Form:
    """A way to keep a table: `pack(table, seed)` gives the arrays that `unpack` reads."""

    about: str
    pack: Callable[[Table, int], Mapping[str, NDArray[np.generic]]]
    unpack: Callable[[Packed], Table]


def pack(table: Table, form: str, *, seed: int = 42) -> Packed:
    """Raises `NotFound` for an unknown form, `InvalidData` for a table that is not finite or too small for it."""
    if form not in FORMS:
        raise NotFound(f"no form {form!r} of a table", valid=", ".join(FORMS), remedy="name one of these")
    if table.ndim != 2 or not np.isfinite(table).all():
        raise InvalidData(
            f"a table of shape {table.shape} with {np.count_nonzero(~np.isfinite(table))} numbers that are not finite",
            valid="(n, d) finite numbers",
            remedy="fit the model again",
        )
    return Packed(
        form, (table.shape[0], table.shape[1]), FORMS[form].pack(np.ascontiguousarray(table, np.float32), seed)
    )


def _integers(table: Table, most: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    scale = np.asarray(np.abs(table).max(axis=1, initial=0.0) / most, dtype=np.float32)
    codes = np.rint(table / np.where(scale > 0, scale, 1.0)[:, None])
    return np.clip(codes, -most, most).astype(np.int8), scale


def _pack_int8(table: Table, _seed: int) -> Mapping[str, NDArray[np.generic]]:
    codes, scale = _integers(table, 127)
    return {"codes": codes, "scale": scale}


def _unpack_int8(packed: Packed) -> Table:
    return np.asarray(
        packed.arrays["codes"].astype(np.float32) * packed.arrays["scale"].astype(np.float32, copy=False)[:, None]
    )


def _pack_bits(table: Table, bits: int) -> Mapping[str, NDArray[np.generic]]:
    """Codes of `bits` each, one after the other without a gap within a row."""
    codes, scale = _integers(table, 2 ** (bits - 1) - 1)
    shifted = (codes.astype(np.int16) + 2 ** (bits - 1)).astype(np.uint8)
    each = np.unpackbits(shifted[:, :, None], axis=2)[:, :, 8 - bits :]
    return {"codes": np.packbits(each.reshape(len(table), -1), axis=1), "scale": scale}


def _unpack_bits(packed: Packed, bits: int) -> Table:
    n, d = packed.shape
    each = np.unpackbits(packed.arrays["codes"].astype(np.uint8), axis=1, count=d * bits).reshape(n, d, bits)
    whole = np.concatenate([np.zeros((n, d, 8 - bits), np.uint8), each], axis=2)
    codes = np.packbits(whole, axis=2)[:, :, 0].astype(np.float32) - 2 ** (bits - 1)
    return np.asarray(codes * packed.arrays["scale"].astype(np.float32, copy=False)[:, None])


def _pack_product(table: Table, seed: int, run: int) -> Mapping[str, NDArray[np.generic]]:
    import faiss

    n, d = table.shape
    if n < CENTROIDS or d % run:
        raise InvalidData(
            f"a table of {n} rows of {d} for {CENTROIDS} centroids of {run} numbers",
            valid=f"at least {CENTROIDS} rows, of a width that {run} divides",
            remedy="keep it as int8",
        )
    quantizer = faiss.ProductQuantizer(d, d // run, 8)
    quantizer.cp.seed = seed
    quantizer.cp.min_points_per_centroid = 1
    quantizer.train(table)
    centroids = faiss.vector_to_array(quantizer.centroids).reshape(d // run, CENTROIDS, run)
    return {"codes": quantizer.compute_codes(table), "centroids": centroids.astype(np.float16)}


def _unpack_product(packed: Packed) -> Table:
    codes, centroids = packed.arrays["codes"].astype(np.intp), packed.arrays["centroids"].astype(np.float32)
    return np.asarray(centroids[np.arange(codes.shape[1]), codes].reshape(packed.shape))


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "float16": Form(
            "half precision",
            lambda table, _seed: {"values": table.astype(np.float16)},
            lambda packed: packed.arrays["values"].astype(np.float32),
        ),
        "int8": Form("one byte a number and a scale a row", _pack_int8, _unpack_int8),
        "int6": Form(
            "six bits a number and a scale a row", lambda t, _seed: _pack_bits(t, 6), lambda p: _unpack_bits(p, 6)
        ),
        "int4": Form(
            "half a byte a number and a scale a row", lambda t, _seed: _pack_bits(t, 4), lambda p: _unpack_bits(p, 4)
        ),
        "pq2": Form("product quantisation, a byte for 2 numbers", lambda t, s: _pack_product(t, s, 2), _unpack_product),
        "pq4": Form("product quantisation, a byte for 4 numbers", lambda t, s: _pack_product(t, s, 4), _unpack_product),
    }
)  # fmt: skip
