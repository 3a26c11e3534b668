"""What a sound is like, from its signal alone: the audio encoder that needs no weights and no network.

Short-time power spectra (windows of 64 ms every 16 ms, up to 8 kHz, in blocks of the file) give, as mean and standard
deviation over time unless said otherwise:

    64 log-mel bands (dB over the sound's own mean)       timbre, its brightness and movement
    20 MFCC (of their DCT-II) and those of their changes   the same, broad shapes first (Davis and Mermelstein 1980)
    centroid, bandwidth, roll-off, flatness, zero crossings
    12 pitch classes, and the size of their Fourier coefficients, which no transposition changes (chroma)
    24 tempi from 40 to 240 a minute: autocorrelation of the onset strength (Ellis 2007); how strong onsets are
    level (dB), and how it moves

Each group is divided by what is its usual spread and by the root of its width, so that no group drowns another in the
cosine of two sounds. Sampling rates need not agree: bands are in Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from encoders.base import Modality, Vectors, unit_rows
from encoders.sounds import mono_blocks, nothing_to_hear, open_sound

Floats = NDArray[np.float64]

WINDOW, HOP = 0.064, 0.016
BLOCK_FRAMES = 512
BANDS, COEFFICIENTS, CLASSES = 64, 20, 12
LOWEST, HIGHEST = 30.0, 8000.0
FLOOR = 1e-10
TEMPI = np.geomspace(40.0, 240.0, 24)
SCALES = (
    ("bands", BANDS, 12.0), ("bands_spread", BANDS, 8.0),
    ("mfcc", COEFFICIENTS, 40.0), ("mfcc_spread", COEFFICIENTS, 20.0), ("mfcc_changes", COEFFICIENTS, 12.0),
    ("shape", 5, 0.3), ("shape_spread", 5, 0.2),
    ("chroma", CLASSES, 0.05), ("chroma_spread", CLASSES, 0.1), ("chroma_fourier", 6, 0.1),
    ("tempo", len(TEMPI), 0.3), ("onsets", 2, 2.0), ("level", 2, 20.0),
)  # fmt: skip
"""Group, width and usual spread, in the order of the vector."""


class SignalEncoder:
    """Statistics of the signal. `prepare` does all the work, in threads; there is nothing to load."""

    modality: Modality = "audio"
    name = "signal"
    version = "1"
    dim = sum(width for _, width, _ in SCALES)

    def prepare(self, thing: bytes) -> Vectors:
        """(dim,) float32, scaled; raises `InvalidData` for what is no sound, broken or silent."""
        return _vector(thing)

    def encode_prepared(self, batch: Sequence[Vectors]) -> Vectors:
        return unit_rows(np.stack(list(batch)) if batch else np.zeros((0, self.dim)))

    def encode(self, batch: Sequence[bytes]) -> Vectors:
        return self.encode_prepared([self.prepare(data) for data in batch])


def signal(_reference: str, _device: str | None) -> SignalEncoder:
    """The shipped default."""
    return SignalEncoder()


class _Moments:
    """Mean and standard deviation of rows that arrive in blocks."""

    def __init__(self) -> None:
        self._count, self._sum, self._squares = 0, np.zeros(1), np.zeros(1)

    def add(self, rows: Floats) -> None:
        self._count += len(rows)
        self._sum = self._sum + rows.sum(axis=0)
        self._squares = self._squares + (rows**2).sum(axis=0)

    def get(self, width: int) -> tuple[Floats, Floats]:
        if not self._count:
            return np.zeros(width), np.zeros(width)
        mean = self._sum / self._count
        return mean, np.sqrt(np.maximum(self._squares / self._count - mean**2, 0.0))


class _Hearing:
    """What has been heard of one sound, block by block."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.size, self.hop = round(WINDOW * rate), round(HOP * rate)
        self.bands, self.mfcc, self.changes = _Moments(), _Moments(), _Moments()
        self.shape, self.chroma, self.level = _Moments(), _Moments(), _Moments()
        self.onsets: list[Floats] = []
        self._last: Floats | None = None

    def add(self, samples: NDArray[np.float32]) -> None:
        """`samples`: one window at least."""
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.size)[:: self.hop]
        power = _power(frames, self.rate)
        mel = 10 * np.log10(np.maximum(power @ _mel_bank(self.rate).T, FLOOR))
        self.bands.add(mel)
        self.mfcc.add(_cepstrum(mel))
        self.shape.add(_shape(power, frames, self.rate))
        self.chroma.add(_chroma(power, self.rate))
        self.level.add(mel.mean(axis=1, keepdims=True))
        before = mel[:1] if self._last is None else self._last
        changes = np.diff(np.concatenate([before, mel]), axis=0)
        self.changes.add(_cepstrum(changes))
        self.onsets.append(np.maximum(changes, 0).mean(axis=1))
        self._last = mel[-1:]

    def groups(self) -> dict[str, Floats]:
        """The groups of `SCALES`, not scaled yet."""
        bands, bands_spread = self.bands.get(BANDS)
        mfcc, mfcc_spread = self.mfcc.get(COEFFICIENTS)
        shape, shape_spread = self.shape.get(5)
        chroma, chroma_spread = self.chroma.get(CLASSES)
        level, level_spread = self.level.get(1)
        onsets = np.concatenate(self.onsets)
        mfcc[0] = 0.0  # the level, which has its own group
        return {
            "bands": bands - bands.mean(), "bands_spread": bands_spread,
            "mfcc": mfcc, "mfcc_spread": mfcc_spread, "mfcc_changes": self.changes.get(COEFFICIENTS)[1],
            "shape": shape, "shape_spread": shape_spread,
            "chroma": chroma - 1 / CLASSES, "chroma_spread": chroma_spread,
            "chroma_fourier": np.abs(np.fft.rfft(chroma))[1:7],
            "tempo": _tempo(onsets), "onsets": np.array([onsets.mean(), onsets.std()]),
            "level": np.concatenate([level + 40.0, level_spread]),
        }  # fmt: skip


def _vector(data: bytes) -> Vectors:
    with open_sound(data) as sound:
        heard = _Hearing(sound.samplerate)
        overlap = heard.size - heard.hop
        loudest = 0.0
        for block in mono_blocks(sound, BLOCK_FRAMES * heard.hop + overlap, overlap=overlap):
            loudest = max(loudest, float(np.abs(block).max()))
            if len(block) >= heard.size or not heard.onsets:
                heard.add(np.pad(block, (0, max(0, heard.size - len(block)))))
    if loudest < 1e-5:
        raise nothing_to_hear("no sample rises above -100 dB of full scale")
    found = heard.groups()
    scaled = [found[name] / (spread * np.sqrt(width)) for name, width, spread in SCALES]
    return np.concatenate(scaled).astype(np.float32)


def _power(frames: NDArray[np.float32], rate: int) -> Floats:
    """(frames, bins): power by frequency, comparable between sampling rates."""
    from scipy.fft import rfft
    from scipy.signal.windows import hann

    window = hann(frames.shape[1], sym=False).astype(np.float32)
    spectrum = np.abs(rfft(frames * window, axis=1)[:, : _kept(frames.shape[1], rate)]) ** 2
    return np.asarray(spectrum * (2 * HIGHEST / rate / (window**2).sum()), dtype=np.float64)


def _kept(size: int, rate: int) -> int:
    """Bins up to `HIGHEST`."""
    return min(size // 2 + 1, int(HIGHEST * size / rate) + 1)


@lru_cache(maxsize=8)
def _frequencies(rate: int) -> Floats:
    size = round(WINDOW * rate)
    return np.asarray(np.arange(_kept(size, rate)) * (rate / size), dtype=np.float64)


@lru_cache(maxsize=8)
def _mel_bank(rate: int) -> Floats:
    """(bands, bins): triangles on the mel scale, each a weighted mean; rows above the sound's own band are zero."""
    edges = 700 * (10 ** (np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2) / 2595) - 1)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bins = _frequencies(rate)
    bank = np.maximum(0.0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))
    sums = bank.sum(axis=1, keepdims=True)
    found: Floats = np.divide(bank, sums, out=np.zeros_like(bank), where=sums > 0)
    return found


def _mel(frequency: float) -> float:
    return float(2595 * np.log10(1 + frequency / 700))


def _cepstrum(mel: Floats) -> Floats:
    from scipy.fft import dct

    return np.asarray(dct(mel, type=2, norm="ortho", axis=1)[:, :COEFFICIENTS])


def _shape(power: Floats, frames: NDArray[np.float32], rate: int) -> Floats:
    """(frames, 5): centroid, bandwidth and roll-off (85%) as shares of `HIGHEST`, flatness, zero crossings a sample."""
    bins = _frequencies(rate) / HIGHEST
    energy = power + FLOOR
    total = energy.sum(axis=1)
    centroid = energy @ bins / total
    spread = np.sqrt(np.maximum(energy @ bins**2 / total - centroid**2, 0.0))
    reached = (np.cumsum(energy, axis=1) >= 0.85 * total[:, None]).argmax(axis=1)
    flatness = np.exp(np.log(energy).mean(axis=1)) / (total / energy.shape[1])
    crossings = (np.diff(np.signbit(frames), axis=1)).mean(axis=1) * (rate / (2 * HIGHEST))
    return np.stack([centroid, spread, bins[reached], flatness, crossings], axis=1)


def _chroma(power: Floats, rate: int) -> Floats:
    """(frames, 12): share of each pitch class (A first) in the amplitude between 80 Hz and 4 kHz."""
    bins = _frequencies(rate)
    inside = (bins >= 80) & (bins <= 4000)
    classes = np.round(12 * np.log2(bins[inside] / 440)).astype(int) % CLASSES
    found = np.sqrt(power[:, inside] + FLOOR) @ np.eye(CLASSES)[classes]
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _tempo(onsets: Floats) -> Floats:
    """(24,) autocorrelation of the onset strength at the periods of `TEMPI`, as a share of its variance."""
    from scipy.fft import next_fast_len

    centred = onsets - onsets.mean()
    size = next_fast_len(2 * len(centred))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2, size)[: len(centred)]
    if correlation[0] <= FLOOR:
        return np.zeros(len(TEMPI))
    found: Floats = np.interp(60.0 / TEMPI / HOP, np.arange(len(correlation)), correlation / correlation[0], right=0.0)
    return found
