"""What speaks for an event that nobody has been to yet: signals of a person and a candidate, from what a cut knows.

Between `training.events.cut` and the ranker. After Macedo, Marinho and Santos 2015, «Context-aware event recommendation
in event-based social networks»: content, social, place and time signals, combined by learning to rank; and Minkov et
al. 2010, «Collaborative future event recommendation»: tastes as a function of content.

Each signal is (batch, candidates). Their sizes hardly depend on how long the log is, so that weights learned at one cut
hold at a later one: counts are logarithms, tastes cosines or standardised over the cut. A list's ranking is the same
whatever is added to all of it, so what is not known of a person is 0 for every candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

from graph.distance import kilometres
from training.events.content import content_of
from training.events.cut import DAY, Cut
from training.events.log import EventLog
from training.events.matrices import Floats, dense, filled
from training.friends import adjacency
from training.rows import mean_rows, unit_rows

Signal: TypeAlias = Callable[[NDArray[np.int64]], Floats]

WIDTHS_KM = (5.0, 30.0)
"""Of the kernels around places where somebody went."""
MOST_LABELS = 8
"""Relations whose loyalty is a signal of its own: those that most candidates have."""
PRIOR = 5.0
"""Events that everybody's weekdays and hours count as beside one's own."""
LEAST_SHARE = 0.01
"""Added to shares before a logarithm."""
HOURS, WEEK = 24, 7
THURSDAY = 3
"""The weekday of 1970-01-01, Monday being 0."""


class Signals:
    """The signals that this log and this cut allow, by name, and of which `groups` each is."""

    def __init__(self, log: EventLog, cut: Cut) -> None:
        self.log, self.cut, self.content = log, cut, content_of(log, cut)
        past = np.flatnonzero(log.starts < cut.at)
        self.past, self.attended = past, csr_matrix(cut.known[:, past])
        self._known_unit = unit_rows(cut.known)
        self.groups: dict[str, str] = {}
        self._found: dict[str, Signal] = {}
        for name, signals in self._offered().items():
            self.groups |= dict.fromkeys(signals, name)
            self._found |= signals

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._found)

    def one(self, name: str, users: NDArray[np.int64]) -> Floats:
        """(batch, candidates) of one signal; 0 of one that this cut does not allow."""
        if name not in self._found:
            return np.zeros((len(users), len(self.cut.candidates)), np.float32)
        return np.asarray(self._found[name](users), np.float32)

    def of(self, users: NDArray[np.int64], names: tuple[str, ...]) -> Floats:
        """(batch, candidates, signals)."""
        return np.stack([self.one(name, users) for name in names], axis=-1)

    def _offered(self) -> dict[str, dict[str, Signal]]:
        return {
            "soon": {"soon": self._same(-np.log1p((self.log.starts[self.cut.candidates] - self.cut.at) / DAY))},
            "taste": self._content() | self._loyalty(),
            "place": self._places(),
            "time": self._times(),
            "popularity": self._popularity(),
            "friends": self._friends(),
        }

    def _same(self, values: NDArray[np.floating]) -> Signal:
        """The same for everybody."""
        return lambda users: np.broadcast_to(values.astype(np.float32), (len(users), len(values)))

    # content

    def _content(self) -> dict[str, Signal]:
        found: dict[str, Signal] = {}
        if self.content.attributes is not None:
            self._profiles = csr_matrix(self.cut.known @ self.content.attributes)
            self._attributes = csr_matrix(self.content.attributes[self.cut.candidates].T)
            attended = csr_matrix(self.attended @ self.content.attributes[self.past])
            found["attributes"] = lambda users: dense(unit_rows(self._profiles[users]) @ self._attributes)
            if self._profiles.nnz > attended.nnz:
                found["attributes of events"] = lambda users: dense(unit_rows(attended[users]) @ self._attributes)
        if self.content.directions is not None:
            self._tastes, self._contents = self.content.ridge(self.cut)
            found["ridge"] = lambda users: np.asarray(self._tastes[users] @ self._contents.T)
        return found

    def _loyalty(self) -> dict[str, Signal]:
        """Of each relation: log(1 + liked items with the same entity), the mean over the candidate's entities."""
        triples, (_, num_items) = self.log.side.triples, self.log.shape
        direct = (triples.head < num_items) & (triples.tail >= num_items)
        of_candidate = direct & np.isin(triples.head, self.cut.candidates)
        common = np.bincount(triples.relation[of_candidate], minlength=len(self.log.side.relations))
        found: dict[str, Signal] = {}
        for relation in np.argsort(-common, kind="stable")[:MOST_LABELS]:
            if common[relation]:
                rows = direct & (triples.relation == relation)
                ends = triples.head[rows], triples.tail[rows] - num_items
                shape = num_items, self.log.side.num_nodes - num_items
                has = csr_matrix((np.ones(len(ends[0]), np.float32), ends), shape=shape)
                name = self.log.side.relations[relation].removeprefix("HAS_").lower()
                of_candidates = csr_matrix(mean_rows(has[self.cut.candidates]).T)
                for what, kept in (("events", self.log.is_event), ("likes", ~self.log.is_event)):
                    theirs = csr_matrix(diags_array(kept.astype(np.float32)) @ has)
                    if theirs.nnz:
                        found[f"{what} of same {name}"] = partial(self._same_entity, theirs, of_candidates)
        return found

    def _same_entity(self, has: csr_matrix, of_candidates: csr_matrix, users: NDArray[np.int64]) -> Floats:
        return dense(csr_matrix(self.cut.known[users] @ has).log1p() @ of_candidates)

    # place

    def _places(self) -> dict[str, Signal]:
        log, candidates = self.log, self.cut.candidates
        places, found = log.places, dict[str, Signal]()
        there = places.located[candidates]
        if there.any() and log.homes.located.any():
            found["near home"] = lambda users: filled(-np.log1p(self._home_km(users)))
            found["far from home"] = lambda users: filled(self._home_km(users) / -100)
        if there.any() and places.located[self.past].any():
            found |= {f"within {width:g} km of places": partial(self._kernel, width) for width in WIDTHS_KM}
        if (places.city[candidates] >= 0).any():
            if (log.homes.city >= 0).any():
                found["home city"] = self._home_city
            if (places.city[self.past] >= 0).any():
                found["cities"] = self._cities
        return found

    def _home_km(self, users: NDArray[np.int64]) -> NDArray[np.float64]:
        homes, places, to = self.log.homes, self.log.places, self.cut.candidates
        return kilometres(
            homes.latitude[users, None], homes.longitude[users, None], places.latitude[to], places.longitude[to]
        )

    def _kernel(self, width: float, users: NDArray[np.int64]) -> Floats:
        """log of the mean of exp(-km / width) over the places of past events, each counted as often as it was met."""
        places, to = self.log.places, self.cut.candidates
        located = np.flatnonzero(places.located[self.past])
        here = self.past[located]
        degrees = np.stack([places.latitude[here], places.longitude[here]], axis=1)
        spots, spot = np.unique(degrees, axis=0, return_inverse=True)
        away = kilometres(spots[:, :1], spots[:, 1:], places.latitude[to], places.longitude[to])
        near = np.exp(-away / width)[spot.ravel()]
        shares = mean_rows(csr_matrix(self.attended[users][:, located]))
        return np.asarray(np.log(filled(shares @ near) + LEAST_SHARE), np.float32)

    def _home_city(self, users: NDArray[np.int64]) -> Floats:
        home, there = self.log.homes.city[users, None], self.log.places.city[self.cut.candidates]
        return np.asarray((home == there) & (there >= 0), np.float32)

    def _cities(self, users: NDArray[np.int64]) -> Floats:
        return self._shares(self.log.places.city, users)

    # time

    def _times(self) -> dict[str, Signal]:
        if not len(self.past):
            return {}
        hours = self.log.wall // 3600
        with np.errstate(invalid="ignore"):
            hour = np.where(np.isnan(hours), -1, hours % HOURS).astype(np.int64)
            day = np.where(np.isnan(hours), -1, (hours // HOURS + THURSDAY) % WEEK).astype(np.int64)
        return {"weekday": partial(self._shares, day), "hour": partial(self._shares, hour)}

    def _shares(self, codes: NDArray[np.int64], users: NDArray[np.int64]) -> Floats:
        """log of the share of past events with the candidate's code, beside `PRIOR` events as everybody's are.

        Less what it is for everybody: how usual a Friday is, is not how much somebody likes Fridays.
        """
        past, size = codes[self.past], int(codes.max(initial=-1)) + 1
        known = np.flatnonzero(past >= 0)
        one_hot = csr_matrix((np.ones(len(known), np.float32), (known, past[known])), shape=(len(past), size))
        everybody = np.asarray(self.attended.sum(0)).ravel() @ one_hot + 1.0
        everybody = everybody / everybody.sum()
        own = dense(self.attended[users] @ one_hot)
        shares = (own + PRIOR * everybody) / (own.sum(1, keepdims=True) + PRIOR)
        of = codes[self.cut.candidates]
        lifted = np.log(shares + LEAST_SHARE) - np.log(everybody + LEAST_SHARE)
        return np.where(of >= 0, lifted[:, np.maximum(of, 0)], 0).astype(np.float32)

    # popularity and people

    def _popularity(self) -> dict[str, Signal]:
        found: dict[str, Signal] = {}
        if self.content.directions is not None:
            appeal = self._tastes.mean(0) @ self._contents.T
            found["expected popularity"] = self._same(appeal / max(float(appeal.std()), 1e-12))
        if self.cut.going.nnz:
            going = np.asarray(self.cut.going.sum(0)).ravel()
            found["popularity so far"] = self._same(np.log1p(going))
            even = csr_matrix(self._known_unit.T @ self.cut.going @ diags_array(1 / np.sqrt(np.maximum(going, 1))))
            found["people alike going"] = lambda users: np.log1p(dense(self._known_unit[users] @ even))
        return found

    def _friends(self) -> dict[str, Signal]:
        links = self.log.side.friendships
        if not len(links):
            return {}
        friends = adjacency(links, self.log.shape[0]).astype(np.float32)
        found: dict[str, Signal] = {}
        if self.cut.going.nnz:
            found["friends going"] = lambda users: np.log1p(dense(friends[users] @ self.cut.going))
        if self.content.attributes is not None:
            found["friends' attributes"] = lambda users: dense(
                unit_rows(csr_matrix(friends[users] @ unit_rows(self._profiles))) @ self._attributes
            )
        return found
