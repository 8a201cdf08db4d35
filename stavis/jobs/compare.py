"""Two networks on one video: what each predicts, where each looks, and where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.inference.explained import SHOWN_SECONDS, middle_segment
from stavis.inference.predictor import Face, Video, VideoReader, as_recording
from stavis.inference.reading import Reading
from stavis.inference.source import Source
from stavis.regions import REGIONS, spread
from stavis.show.scrubber import Scrubber
from stavis.trust.agreement import agreement
from stavis.types import AttentionMaps, Attribution, Clip, Prediction, Target

TABLES = ("regions", "agreement", "predictions")


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two networks on the same frames, made by `Predictor.compare`.

    names: what the two are called; readings: of each, on the frames of `clip`; notes: of both.
    """

    names: tuple[str, str]
    readings: tuple[Reading, Reading]
    clip: Clip
    title: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Comparison({' and '.join(self.names)}: {len(self.clip)} frames of {self.title})"

    @property
    def maps(self) -> dict[str, AttentionMaps | Attribution]:
        """The attention of each network that has one, and of two the difference, the first less the second, on the clip's pixels."""
        found = {
            f"attention, {name}": one.attention for name, one in zip(self.names, self.readings, strict=True) if one.attention is not None
        }
        if len(found) == 2:
            first, second = (spread(one.weights, self.clip.frames.shape[1:3]) for one in found.values())
            name = f"{self.names[0]} − {self.names[1]}"
            found[name] = Attribution(name, Target(), (first - second).astype(np.float32), self.clip.times)
        return found

    @property
    def prediction(self) -> Prediction:
        """Every output of both, named after its network."""
        labels = tuple(f"{output}, {name}" for name, one in zip(self.names, self.readings, strict=True) for output in one.dimensions)
        bounds = {one.prediction.bounds for one in self.readings}
        values = np.concatenate([one.prediction.values for one in self.readings], 1)
        return Prediction(self.clip.times, values, labels, bounds.pop() if len(bounds) == 1 else None)

    def scrubber(self) -> Scrubber:
        """The frames to scrub through, with the map of each and their difference to choose from, and all predictions under them."""
        return Scrubber.from_clip(self.clip, self.maps, self.prediction, title=self.title)

    def table(self, kind: str = "regions") -> pd.DataFrame:
        """A table: "regions" (the share of each part of the face in either attention, and the difference), "agreement" (one row per
        frame: rank correlation, divergence in bits, shared top of the two maps), "predictions" (one row per frame, all outputs).

        Raises StavisError where there is no such table, or not both have attention.
        """
        if kind not in TABLES:
            raise StavisError(f"a comparison has no table {kind!r}: choose one of {', '.join(TABLES)}.")
        if kind == "predictions":
            return pd.DataFrame(self.prediction.values, columns=list(self.prediction.dimensions)).assign(time=self.clip.times)
        maps = [one.attention for one in self.readings]
        if any(one is None for one in maps):
            raise StavisError("one of the two networks has no attention: only their predictions can be compared.")
        if kind == "agreement":
            first, second = (one.weights for one in maps)
            if first.shape[1] < second.shape[1]:
                first, second = second, first
            found = agreement(second, first)[["spearman", "jsd", "top_iou"]]
            found = found.rename(columns={"spearman": "rank correlation", "jsd": "divergence", "top_iou": "shared top"})
            return found.assign(time=self.clip.times)
        if self.clip.regions is None:
            raise StavisError("no face was tracked, so no regions are known: look at the agreement by frame.")
        shares = [np.nanmean(np.where(self.clip.valid[:, None], one.share(self.clip.regions), np.nan), 0) for one in maps]
        columns = dict(zip(self.names, shares, strict=True))
        return pd.DataFrame({"region": [name.replace("_", " ") for name in REGIONS], **columns, "difference": shares[0] - shares[1]})

    def save(self, path: str | Path) -> Path:
        """Write the scrubber's page, which works offline; returns its path."""
        return self.scrubber().save(path)


def compare(
    networks: Sequence[Source | VideoReader],
    video: Video,
    *,
    names: Sequence[str] | None = None,
    source: str = "auto",
    face: Face = "largest",
    seconds: float = SHOWN_SECONDS,
    device: str = "auto",
) -> Comparison:
    """Two networks on one video.

    Parameters
    ----------
    networks : sequence of two
        Anything that `stavis.load` takes, or what it gives.
    video, source, face :
        As for `Predictor.read`.
    names : sequence of two str, optional
        What they are called; by default their own names.
    seconds : float
        How much of a longer video is compared, from its middle, in s.
    device : str
        As for `stavis.load`.

    Returns
    -------
    Comparison
        With `.scrubber()`, `.table("regions")`, `.table("agreement")`, `.save("page.html")`.

    Raises
    ------
    StavisError
        Where not two networks are given, or one is shown the face and the other the whole image.

    Examples
    --------
    >>> import stavis
    >>> net = stavis.load("sta-synthetic", device="cpu")
    >>> both = net.compare(net, video, names=("mine", "yours"))
    >>> both.prediction.dimensions
    ('valence, mine', 'valence, yours')
    """
    if isinstance(networks, str) or len(networks) != 2:
        raise StavisError(f"{1 if isinstance(networks, str) else len(networks)} networks are given, expected two: give [first, second].")
    nets = [VideoReader.load(one, device=device) for one in networks]
    if len({one.network.region for one in nets}) > 1:
        raise StavisError("one network is shown the face and the other whole images: load both with the same region=.")
    labels = tuple(names or (one.name for one in nets))
    if len(set(labels)) != 2:
        labels = tuple(f"{name} ({number})" for number, name in enumerate(labels, 1))
    recording = video if isinstance(video, np.ndarray) else as_recording(video)
    crops = [one.crops(recording, source=source, face=face, times=_times(recording, nets[0])) for one in nets]
    segment = middle_segment(crops[0].times, seconds)
    readings = tuple(net.read_crops(each, segment) for net, each in zip(nets, crops, strict=True))
    larger = max(crops, key=lambda each: each.frames.shape[1])
    clip = larger.clip(segment.start, segment.stop)
    notes = tuple(dict.fromkeys(note for net, each in zip(nets, crops, strict=True) for note in net.notes_on(each)))
    return Comparison(labels, readings, clip, crops[0].recording, notes)


def _times(video: Video, net: VideoReader) -> np.ndarray | None:
    """One clock for both, where frames without times are given: that of the first network."""
    return np.arange(len(video)) / net.network.rate if isinstance(video, np.ndarray) else None
