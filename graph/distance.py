"""How far two places on Earth are apart, from latitudes and longitudes in degrees.

Read by whatever ranks by distance: shelves of events when a page is asked for, and signals of who goes where.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_KM = 6371.0


def kilometres(
    latitude: ArrayLike, longitude: ArrayLike, there_latitude: ArrayLike, there_longitude: ArrayLike
) -> NDArray[np.float64]:
    """Kilometres on a sphere (haversine), broadcast over all four; NaN where a coordinate is NaN."""
    north, east, there_north, there_east = (
        np.radians(np.asarray(one, np.float64)) for one in (latitude, longitude, there_latitude, there_longitude)
    )
    half = np.sin((there_north - north) / 2) ** 2
    half = half + np.cos(north) * np.cos(there_north) * np.sin((there_east - east) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))
