"""What an encoding run did, modality by modality."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

REASONS_KEPT = 100


@dataclass(frozen=True)
class ModalityReport:
    """Counts of items.

    `encoded`: by the model, now; `cached`: from the cache, or on the graph already; `missing`: nothing to encode;
    `refused`: could not be read, with the first `REASONS_KEPT` reasons as (item, reason).
    """

    modality: str
    encoder: str
    version: str
    encoded: int
    cached: int
    missing: int
    refused: int
    reasons: tuple[tuple[str, str], ...]
    seconds: float


@dataclass(frozen=True)
class EncodeReport:
    """One report a modality, in the order they were encoded."""

    modalities: tuple[ModalityReport, ...]
    seconds: float

    def of(self, modality: str) -> ModalityReport:
        """The report of one modality (KeyError where it was not encoded)."""
        return {report.modality: report for report in self.modalities}[modality]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)


@dataclass
class Tally:
    """Counts while a run goes on."""

    encoded: int = 0
    cached: int = 0
    missing: int = 0
    refused: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, item: str, reason: str) -> None:
        self.refused += 1
        if len(self.reasons) < REASONS_KEPT:
            self.reasons.append((item, reason))

    def report(self, modality: str, encoder: str, version: str, seconds: float) -> ModalityReport:
        return ModalityReport(
            modality, encoder, version, self.encoded, self.cached, self.missing, self.refused,
            tuple(self.reasons), round(seconds, 3),
        )  # fmt: skip
