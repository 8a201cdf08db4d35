"""One video read and attributed: what a network predicts for every frame, where it looked, what moved its prediction."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from stavis.attention.cue_scores import CueScores, cue_scores, cue_trace
from stavis.attribution.cuts import NoGradient
from stavis.data.crops.crops import Crops
from stavis.data.datasets.truth import read_truth
from stavis.data.faces.detections import another_person
from stavis.errors import StavisError
from stavis.inference.attribute import Method, chosen_methods
from stavis.inference.finding import Finding, ValueTrace, find, with_moments
from stavis.inference.finding.lead import frame_seconds
from stavis.inference.finding.parts import PartTable
from stavis.inference.finding.wording import seconds
from stavis.inference.layers import LayerMaps, layered, read_layers
from stavis.inference.predictor import Face, Regions, Video, VideoReader, as_recording
from stavis.inference.reading import Reading, region_tables
from stavis.inference.summary import ByRegion, ExplanationSummary
from stavis.regions import FACE
from stavis.regions import VERSION as REGIONS_VERSION
from stavis.types import AttentionMaps, Attribution, Clip, Prediction, Recording

METHODS = ("saliency", "exact-deeplift")
SHOWN_OUTPUTS = 6
"""Of a network with more outputs than these the page shows those with the highest means."""
SHOWN_SECONDS = 20.0
"""The longest segment that attributions are computed for and that the page shows, from the middle of a longer video."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, repr=False)
class ExplainedVideo:
    """Everything known of one video after a network has read it.

    reading: every frame; segment: which frames `clip` and the attributions are of (all of a short video); shares: one row per frame;
    densities: mean share over area by region (1 = an even spread); cue: scores against the truth, only for a synthetic recording; notes:
    what a reader must know; seconds: what it took; layers: the attention of each layer and head in the frames of `clip`, where asked for;
    density_table: (T,R), the density of each region in each frame.
    """

    video: Path
    predictor: VideoReader
    crops: Crops
    reading: Reading
    segment: slice
    clip: Clip
    attributions: dict[str, Attribution]
    shares: pd.DataFrame
    densities: dict[str, float]
    cue: CueScores | None
    notes: tuple[str, ...]
    seconds: float
    dimension: str = ""
    layers: LayerMaps | None = None
    density_table: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        net: VideoReader,
        video: Video,
        *,
        methods: Sequence[str | Method] = METHODS,
        source: str = "auto",
        face: Face = "largest",
        regions: Regions = None,
        target: str | int | None = None,
        attention_layers: bool = False,
        heads: int | None = None,
        shown_seconds: float = SHOWN_SECONDS,
        progress: Progress | None = None,
    ) -> Self:
        """Read a video with a network and attribute its prediction to the pixels; progress is told the stage, what is done and all.

        attention_layers: also the attention of each layer; heads: of which layer (from 0, -1 the last) that of each head.

        Raises StavisError where the video cannot be read or shows no face, or a method is unknown.
        """
        started = time.monotonic()
        net = net.following(target)
        chosen_methods(net.network.attention_options, methods)  # raises before any work is done
        asks_layers = attention_layers or heads is not None
        if asks_layers:
            layered(net.network, net.name, heads)  # raises before any work is done
        recording = None if isinstance(video, np.ndarray | Crops) else as_recording(video)
        options = {"source": source, "face": face, "regions": regions}
        crops = net.crops(video if recording is None else recording, **options, progress=_stage(progress, "crops"))
        if not crops.valid.any():
            lacks = "shows no face in any" if crops.subject == "face" else "could not be read in any"
            raise StavisError(f"{crops.video} {lacks} of its {len(crops.times)} frames: choose another video.")
        reading = net.read_crops(crops, progress=_stage(progress, "attention"))
        segment = middle_segment(crops.times, shown_seconds)
        clip = crops.clip(segment.start, segment.stop)
        seen = Prediction(clip.times, reading.values[segment], reading.dimensions, reading.prediction.bounds)
        dimension = net.dimension_of(target, seen)
        layers = read_layers(net, crops, segment, reading, heads, _stage(progress, "layers")) if asks_layers else None
        attributions, refused = _attributed(net, methods, clip, dimension, _stage(progress, "attributions"))
        tables = region_tables(reading, crops)
        read_notes = (note for note in reading.notes if note != net.caution)  # the page says that before anything else
        attributed = (note for one in attributions.values() for note in one.notes)
        return cls(
            video=crops.video,
            predictor=net,
            crops=crops,
            reading=reading,
            segment=segment,
            clip=clip,
            attributions=attributions,
            shares=tables.shares,
            densities=tables.densities,
            density_table=tables.over_time,
            cue=_cue(recording, reading, crops),
            notes=tuple(dict.fromkeys((*net.notes, *read_notes, *crops.notes, *attributed, *refused))),
            seconds=time.monotonic() - started,
            dimension=dimension,
            layers=layers,
        )

    def __repr__(self) -> str:
        methods = ", ".join(self.attributions) or "no attribution"
        seen = f", {self.frames_with_face} with a face" if self.crops.subject == "face" else ""
        return f"{type(self).__name__}({self.video.name}: {len(self.crops)} frames{seen}, {methods})"

    @property
    def new_notes(self) -> tuple[str, ...]:
        """Its notes without those that were shown when the network was loaded."""
        return tuple(note for note in self.notes if note not in self.predictor.notes)

    @property
    def frames_with_face(self) -> int:
        """How many frames show a face, or of whole frames how many could be read."""
        return int(self.crops.valid.sum())

    @property
    def attention(self) -> AttentionMaps | None:
        """Where the network looked in the frames of `clip`."""
        maps = self.reading.attention
        return None if maps is None else AttentionMaps(maps.weights[self.segment], maps.times[self.segment])

    @property
    def prediction(self) -> Prediction:
        """What the network predicts for the frames of `clip`, NaN where no face was: the explained output first, then the others; of
        many those with the highest means."""
        return self.prediction_of(self.segment)

    def prediction_of(self, frames: slice) -> Prediction:
        """What the network predicts for some frames; which outputs are shown, in which order, is decided in the frames of `clip`."""
        read = self.reading
        values = np.where(self.crops.valid[frames, None], read.prediction.values[frames], np.nan)
        order = shown_outputs(np.where(self.clip.valid[:, None], read.prediction.values[self.segment], np.nan))
        if self.dimension and read.dimensions.index(self.dimension) != 0:
            first = read.dimensions.index(self.dimension)
            order = [first, *(one for one in order if one != first)]
        return Prediction(read.times[frames], values[:, order], tuple(read.dimensions[one] for one in order), read.prediction.bounds)

    @property
    def provenance(self) -> dict[str, str]:
        """What is needed to make this explanation again."""
        return self.predictor.provenance_of(self.crops)

    @property
    def finding(self) -> Finding:
        """What was found, in two sentences, and the moments at which to look: of the attention, else of the first attribution."""
        crops, read = self.crops, self.reading
        name = self.dimension if self.dimension in read.dimensions else read.dimensions[0]
        values = np.where(crops.valid, read.prediction.values[:, read.dimensions.index(name)], np.nan)
        clause, times = another_person(crops.notes)
        hidden = float(frame_seconds(crops.times)[~crops.valid].sum())
        length = float(frame_seconds(crops.times).sum())
        unread = "no face could be read" if crops.subject == "face" else "the images could not be read"
        problems = [f"in {seconds(hidden, length)} of {seconds(length, length)} {unread}"] if hidden else []
        found = find(
            self._parts(),
            ValueTrace(crops.times, values, name, read.prediction.bounds),
            lacks=self._lacks(),
            problems=[*problems, *([clause] if clause else [])],
            gap=self.clip.no_frame_text.removesuffix(" found"),
            start="" if self.attention is not None else "this network has no attention; in its attribution, ",
        )
        return with_moments(found, crops.times, [(time, "another person from here on?") for time in times])

    def _parts(self) -> PartTable | None:
        """What leads: the attention of all frames, or where a network has none its first attribution over the clip."""
        clip, chosen = self.clip, next(iter(self.attributions.items()), None)
        if self.crops.track is None and self.crops.regions is None:
            return None
        if self.attention is not None and self.density_table is not None:
            shares = self.shares[list(self.crops.region_names)].to_numpy(float)
            return PartTable.of_regions(self.crops.times, shares, self.density_table, clip.region_set, self.crops.valid)
        if chosen is None or self.attention is not None or clip.regions is None:
            return None
        name, attribution = chosen
        return PartTable.of_regions(clip.times, clip.share(attribution), clip.density(attribution), clip.region_set, clip.valid, name)

    def _lacks(self) -> str:
        if self.attention is None and not self.attributions:
            return "this network has no attention and no attribution was computed, so nothing is known of where it looks."
        return "no face was tracked, so no region can be named." if self.crops.subject == "face" else "no region could be read."

    @property
    def summary(self) -> ExplanationSummary:
        """What explain.json holds: counts, mean shares and densities, completeness, notes, provenance."""
        names = self.crops.region_names
        shares = self.shares[list(names)].mean()
        times = self.crops.times
        length = float(times[-1] - times[0])
        by_shares, by_densities = self._by_method()
        return ExplanationSummary(
            video=self.video.name,
            frames=len(times),
            frames_with_face=self.frames_with_face,
            faces=self.crops.faces,
            seconds=round(self.seconds, 2),
            realtime_factor=round(length / self.seconds, 3) if self.seconds else None,
            crop=self.crops.source,
            mean_shares={name: _number(shares[name]) for name in names},
            mean_densities={name: _number(value) for name, value in self.densities.items()},
            shares_by_method=by_shares,
            densities_by_method=by_densities,
            relative_delta={name: _number(a.relative_delta) for name, a in self.attributions.items()},
            synthetic_only=self.predictor.synthetic_only,
            caution=self.predictor.caution,
            notes=self.notes,
            provenance=self.provenance,
            region_set=FACE.key if self.crops.regions is None else self.crops.regions.region_set.key,
            subject=self.crops.subject,
            finding=self.finding.sentences,
            moments=tuple({"time": moment.time, "text": moment.text} for moment in self.finding.moments),
            regions_version=REGIONS_VERSION if self.crops.regions is None else None,
        )

    def _by_method(self) -> tuple[dict[str, ByRegion], dict[str, ByRegion]]:
        """Mean shares and densities by method and region: the attention over the whole video, attributions (their sizes) over the
        clip."""
        shares, densities, names = {}, {}, self.crops.region_names
        if self.attention is not None:
            shares["attention"] = {name: _number(self.shares[name].mean()) for name in names}
            densities["attention"] = {name: _number(self.densities.get(name)) for name in names}
        clip = self.clip
        for method, attribution in self.attributions.items() if clip.regions is not None else ():
            share, density = (part[clip.valid] for part in (clip.share(attribution), clip.density(attribution)))
            shares[method] = {name: _number(_mean(share[:, column])) for column, name in enumerate(names)}
            densities[method] = {name: _number(_mean(density[:, column])) for column, name in enumerate(names)}
        return shares, densities


def _attributed(
    net: VideoReader, methods: Sequence[str | Method], clip: Clip, dimension: str, progress: Callable[[int, int], None] | None
) -> tuple[dict[str, Attribution], tuple[str, ...]]:
    """The attributions, and why there are none where those that nobody asked for need a gradient that the network cuts."""
    chosen = chosen_methods(net.network.attention_options, methods)
    try:
        return net.attribute(chosen, clip, dimension, progress=progress), ()
    except NoGradient as error:
        if tuple(methods) != METHODS:
            raise
        return {}, (f"No attribution was computed: {error}",)


def shown_outputs(values: np.ndarray) -> list[int]:
    """Which columns of predictions (T,D) a page shows: all of a few, of many those with the highest means."""
    if values.shape[1] <= SHOWN_OUTPUTS:
        return list(range(values.shape[1]))
    return np.argsort(-np.nan_to_num(values).mean(0), kind="stable")[:SHOWN_OUTPUTS].tolist()


def middle_segment(times: np.ndarray, seconds: float) -> slice:
    """The segment of at most `seconds` around the middle of the video. Raises StavisError where these are none."""
    if not seconds > 0:
        raise StavisError(f"{seconds} s of a video cannot be looked at: give seconds above 0.")
    centre = (times[0] + times[-1]) / 2
    inside = np.flatnonzero(np.abs(times - centre) <= seconds / 2)
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 1)


def _cue(recording: Recording | None, reading: Reading, crops: Crops) -> CueScores | None:
    if recording is None or recording.truth is None or reading.attention is None or crops.track is None:
        return None
    truth = read_truth(recording.truth)
    return cue_scores([cue_trace(reading.attention, crops.clip().regions, truth.mouth_cue, truth.informative)])


def _stage(progress: Progress | None, name: str):
    return None if progress is None else lambda done, total: progress(name, done, total)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _number(value) -> float | None:
    return round(float(value), 6) if value is not None and np.isfinite(value) else None
