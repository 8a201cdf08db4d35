"""A network that reads videos: its checkpoint, device, crops, readings, attributions and provenance, each decided here and nowhere else."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import nn

from stavis import notes
from stavis.attention.calls import unwrapped
from stavis.attribution.cache import cached
from stavis.attribution.methods import ALL_METHODS, TOKEN_METHODS
from stavis.data.crops.crops import Begun, CropConfig, Crops, crops_of
from stavis.data.crops.framing import source_of_framing
from stavis.data.crops.many import crops_for, notes_of
from stavis.data.regions.grid import Grid
from stavis.data.regions.read import regions_from
from stavis.data.regions.source import RegionSource
from stavis.errors import StavisError, offer
from stavis.inference.adapters.interface import NetworkAdapter
from stavis.inference.attribute import Method, Progress, attribute, has_tokens, window_around
from stavis.inference.frames import crops_of_frames
from stavis.inference.import_path import is_import_path, made_by
from stavis.inference.output_range import in_range
from stavis.inference.reading import Reading, interruptible, rate_notes, read
from stavis.inference.reading_cache import ReadingCache, content_of
from stavis.inference.source import Source, as_recording, refuse_options, refuse_unused, source_of, weights_now
from stavis.inference.video.streaming import check_mode
from stavis.models.card import caution_text, only_synthetic, seen_text
from stavis.models.hub import is_hub_name
from stavis.provenance import provenance
from stavis.regions import FACE
from stavis.storage.files import content_hash
from stavis.storage.fingerprint import model_hash
from stavis.types import AttentionMaps, Attribution, Clip, Prediction, Recording, Target

MIRRORED = "Values and attention are the mean of the video and its mirror image; attributions are of the video as it is."

Video = str | Path | Recording | Crops | np.ndarray
OWN_METHODS = (*ALL_METHODS, *TOKEN_METHODS)

Face = str | int | tuple[float, float]
Regions = str | Path | RegionSource | None


@dataclass(frozen=True, eq=False, repr=False)
class VideoReader:
    """A network ready to read videos, made by `load`.

    network: how it takes video; name: what it is called; system: its architecture; hash: the sha256 that names its weights as it was
    loaded; device: where it computes; info: what its config.json says, empty for a module; notes: what was assumed of it;
    mirror: whether its readings are the mean of a video and its mirror image; mode: whether a video is read in windows that overlap or
    in one pass ("stream", see stavis.inference.video.streaming); folder: that of its checkpoint, None for a module;
    origin: its pinned name on the Hugging Face Hub, '' where it is not from there; loaded_weights: the `weights_hash` of its module when
    it was loaded.
    """

    network: NetworkAdapter
    name: str
    system: str
    hash: str
    device: torch.device
    info: dict = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    mirror: bool = False
    mode: str = "window"
    folder: Path | None = None
    origin: str = ""
    loaded_weights: str = ""

    @classmethod
    def load(cls, source: "Network", *, device: str = "auto", mirror: bool = False, mode: str = "window", **options) -> Self:
        """A network from a shipped name, a run's folder, a checkpoint's folder, a repository of the Hugging Face Hub ("hf:owner/name",
        "hf:owner/name@revision") or a module, its notes shown; one that is loaded already as it is, or `mirrored` where that is asked for.

        Raises StavisError where there is none, or the options do not fit.
        """
        if isinstance(source, str) and not is_hub_name(source) and is_import_path(source):
            source = made_by(source)
        if isinstance(source, VideoReader):
            refuse_options(source.name, options)
            net = source if isinstance(source, cls) else cls(**vars(source))
            net = net.mirrored() if mirror else net
            return net if mode == "window" else replace(net, mode=check_mode(mode, net.model))
        made = cls(**source_of(source, device, **options))
        made = replace(made.mirrored() if mirror else made, mode=check_mode(mode, made.model))
        notes.show(made.notes)
        return made

    def mirrored(self, mirror: bool = True) -> Self:
        """The same network whose readings are the mean of a video and its mirror image (or, with False, no longer), as its notes say:
        what it makes of the left side and of the right side then counts the same. A symmetric network does that already, and stays."""
        mirror = mirror and not getattr(getattr(self.model, "config", None), "symmetric", False)
        kept = tuple(note for note in self.notes if note != MIRRORED)
        return replace(self, mirror=mirror, notes=(*kept, MIRRORED) if mirror else kept)

    def __repr__(self) -> str:
        grid = "no attention" if self.network.attention is None else f"attention in {self.network.attention or 'its output'}"
        return f"{type(self).__name__}({self.name}: {self.system}, {', '.join(self.dimensions)}, {grid}, on {self.device})"

    @property
    def model(self) -> nn.Module:
        """The network itself."""
        return self.network.model

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of what it predicts, in order."""
        return self.network.dimensions

    @property
    def attention(self) -> str | None:
        """The dotted path of the module that holds its attention; None for a network without."""
        return self.network.attention

    def dimension_of(self, target: str | int | None = None, prediction: Prediction | None = None) -> str:
        """The output that a name or a number means; by default the first, of classes alone that with the highest mean in
        `prediction`.

        Raises StavisError where there is none.
        """
        names = self.dimensions
        if target is None:
            likely = self.network.classes and self.network.bounds == (0.0, 1.0) and prediction is not None
            likely = likely and np.isfinite(prediction.values).any()
            return names[int(np.nanmean(prediction.values, 0).argmax())] if likely else names[0]
        if isinstance(target, int) and -len(names) <= target < len(names):
            return names[target]
        if isinstance(target, str) and target in names:
            return target
        raise StavisError(f"{self.name} has no output {target!r}: {offer(target, names, also=f'a number from 0 to {len(names) - 1}')}")

    def following(self, target: str | int | None) -> Self:
        """The same network whose relevance maps are of one output; itself where none is meant, or its maps are of another kind."""
        tokens = getattr(self.network, "tokens", None)
        if target is None or tokens is None or tokens.kind != "relevance":
            return self
        followed = replace(tokens, target=self.dimension_of(target))
        notes = tuple(followed.text if note == tokens.text else note for note in self.notes)
        network = replace(self.network, tokens=followed)
        return replace(self, network=network, notes=notes, hash=content_hash(self.hash, followed.target))

    def differentiable(self) -> nn.Module:
        """The network as attributions and tests take it: frames (B,T,3,S,S) in [0,1] -> (B,T,D), with its `dimensions`."""
        return self.network.differentiable()

    @property
    def synthetic_only(self) -> bool:
        """Whether it is known to have been trained on synthetic faces only."""
        return only_synthetic(self.info)

    @property
    def caution(self) -> str:
        """What a page about it must say before anything else; '' for nothing."""
        return caution_text(self.info)

    # Crops and readings

    def crop_config(self, source: str = "auto", face: Face = "largest") -> CropConfig:
        """How it wants its crops: its own size, every frame of the video.

        Raises StavisError where a network of whole frames is asked to follow a face.
        """
        if self.network.region == "frame":
            if source in ("face", "truth") or face != "largest":
                option = f"source={source!r}" if source in ("face", "truth") else f"face={face!r}"
                raise StavisError(f"{self.name} is shown whole frames: leave {option} out, or load it with region='face'.")
            source = source_of_framing(self.network.framing) if source == "auto" else source
        return CropConfig(size=self.network.size, rate=None, source=source, face=face)

    def crops(
        self,
        video: Video,
        *,
        times: np.ndarray | None = None,
        source: str = "auto",
        face: Face = "largest",
        regions: Regions = None,
        progress: Progress | None = None,
        begun: Begun | None = None,
    ) -> Crops:
        """The crops of one video as this network wants them (the face, or whole frames), from the cache where they were made before.

        regions: "grid:3x3", or a CSV or npz file of boxes and masks in source pixels; by default those of the face, for a network of
        whole frames a grid. begun: as for `crops_of`. Raises StavisError where the video cannot be read, is no single video, leaves nothing
        to choose by `source` or `face` (an array, crops), or the regions do not fit it.
        """
        chosen = regions_from(regions)
        refuse_unused(video, times, source, face)
        if isinstance(video, Crops):
            return self._with_regions(video, chosen)
        if isinstance(video, np.ndarray):
            config = self.crop_config("auto" if self.network.region == "frame" else "centre")
            return self._with_regions(crops_of_frames(video, times, config, self.network.rate), chosen)
        first = None if begun is None else lambda crops, seconds: begun(self._with_regions(crops, chosen), seconds)
        return self._with_regions(crops_of(as_recording(video), self.crop_config(source, face), progress, first), chosen)

    def _with_regions(self, crops: Crops, regions: RegionSource | None) -> Crops:
        """The crops with what they show of the video, where their regions come from, and what this network must say of their rate."""
        whole, notes = self.network.region == "frame", rate_notes(self.network, self.name, crops.times)
        regions = regions or crops.regions or (Grid() if whole else None)
        notes = tuple(dict.fromkeys((*crops.notes, *notes)))
        return replace(crops, subject="frame" if whole else "face", regions=regions, notes=notes)

    def crops_many(
        self, recordings: Sequence[Recording], *, source: str = "auto", regions: Regions = None, progress: Progress | None = None
    ) -> list[Crops]:
        """The crops of several recordings, made on all cores where they are not in the cache yet."""
        chosen = regions_from(regions)
        return [self._with_regions(one, chosen) for one in crops_for(recordings, self.crop_config(source), progress)]

    def read(
        self,
        video: Video,
        *,
        times: np.ndarray | None = None,
        source: str = "auto",
        face: Face = "largest",
        mirror: bool | None = None,
        mode: str | None = None,
        progress: Progress | None = None,
    ) -> Reading:
        """Read one video: a value and a map for every frame.

        Parameters
        ----------
        video : path, Recording, Crops or array
            A video file; one of `read_dataset`; what `crops` returned; or frames (T,H,W,3) uint8 RGB, of which the centred square
            is taken.
        times : array (T,), optional
            The frames' times in seconds, for an array of frames alone; by default they follow each other at the network's rate.
        source : {"auto", "truth", "face", "centre"}
            What the crops are aligned by; "auto" is the known truth of a synthetic recording, or the tracked face.
        face : "largest", int or (x, y)
            Which face is followed: the largest, a number from 0, or the nearest to a pixel.
        mirror : bool, optional
            Whether values and maps are the mean of the video's and of its mirror image's (mirrored back); by default as the network
            was loaded: not.
        mode : {"window", "stream"}, optional
            In windows of the network's own length that overlap by half, or in one pass with its memory carried on; by default as loaded.
        progress : callable, optional
            Called with windows read and windows in all.

        Returns
        -------
        Reading
            From the cache on disk where the same network has read the same crops before.

        Raises
        ------
        StavisError
            Where the video cannot be read, several are given, or frames are not (T,H,W,3) uint8.

        Examples
        --------
        >>> net = stavis.load("sta-synthetic", device="cpu")
        >>> net.read(frames).table().columns.tolist()
        ['time', 'dimension', 'predicted']
        """
        crops = self.crops(video, times=times, source=source, face=face)
        if not isinstance(video, Crops | np.ndarray):
            notes.show(crops.notes)
        net = self if mirror is None else self.mirrored(mirror)
        net = net if mode is None else replace(net, mode=check_mode(mode, net.model))
        return net.read_crops(crops, progress=progress)

    def read_many(self, recordings: Sequence[Video], *, source: str = "auto", progress: Progress | None = None) -> list[Reading]:
        """Read several videos, in their order; progress is called with how many are done."""
        chosen = [one if isinstance(one, Crops | np.ndarray) else as_recording(one) for one in recordings]
        made = self.crops_many([one for one in chosen if isinstance(one, Recording)], source=source)
        notes.show(notes_of(made))
        crops = iter(made)
        readings = []
        for done, one in enumerate(chosen, 1):
            readings.append(self.read_crops(next(crops) if isinstance(one, Recording) else self.crops(one)))
            if progress:
                progress(done, len(chosen))
        return readings

    def read_crops(
        self,
        crops: Crops,
        window: slice | None = None,
        *,
        batch: int = 8,
        progress: Progress | None = None,
        check: Callable[[], None] | None = None,
    ) -> Reading:
        """Read crops, or of long ones a window of frames: with the network's own window before and after it, so that its first and
        last frames have what they need. `check` is called before every layer runs and may raise to stop."""

        def make(frames: slice) -> Reading:
            with nullcontext() if check is None else interruptible(self.model, check):
                how = {"batch": batch, "mirror": self.mirror, "mode": self.mode, "progress": progress}
                return read(self.network, crops.frames[frames], crops.times[frames], **how)

        wide = slice(0, len(crops)) if window is None else self._wide(crops.times, window)
        kept = ReadingCache(crops, content_of(self), self.network, self.mirror, self.mode).get_or_read(wide, make)
        shown = wide if window is None else window
        inner = slice(shown.start - wide.start, shown.stop - wide.start)
        times = crops.times[shown]
        attention = None if kept.attention is None else AttentionMaps(kept.attention.weights[inner], times)
        prediction = Prediction(times, kept.prediction.values[inner], self.dimensions or kept.dimensions, self.network.bounds)
        whole = window is None
        outside = kept.notes or in_range(prediction.values, prediction.dimensions, None)[1]
        return Reading(prediction, attention, crops if whole else None, (*(self.notes_on(crops) if whole else ()), *outside))

    def _wide(self, times: np.ndarray, window: slice) -> slice:
        first = np.searchsorted(times, times[window.start] - self.network.seconds)
        return slice(int(first), int(np.searchsorted(times, times[window.stop - 1] + self.network.seconds, "right")))

    # Attributions

    def attribute(
        self,
        methods: Sequence[Method],
        clip: Clip,
        dimension: str | None = None,
        *,
        progress: Progress | None = None,
        check: Callable[[], None] | None = None,
    ) -> dict[str, Attribution]:
        """What moved the prediction of each frame of a clip, by the methods' labels; from the cache where it was computed before."""
        model = self.differentiable()
        digest = model_hash(unwrapped(model))  # of all windows, once
        with nullcontext() if check is None else interruptible(self.model, check):
            return attribute(
                methods,
                model,
                clip,
                dimension or self.dimensions[0],
                rate=self.network.rate,
                seconds=self.network.seconds,
                frames=self.network.frames,
                batch=self.network.batch,
                call=lambda method, *given: self._asked(method, digest)(*given),
                progress=progress,
            )

    def attribute_moment(
        self, method: Method, clip: Clip, dimension: str, frame: int, *, check: Callable[[], None] | None = None
    ) -> Attribution:
        """What moved the prediction at exactly this frame of a clip; zero in frames that did not enter."""
        piece, index = window_around(clip.times, frame, self.network.rate, self.network.seconds, self.network.frames)
        with nullcontext() if check is None else interruptible(self.model, check):
            part = self._asked(method)(self.differentiable(), clip[piece], Target(dimension, index))
        values = np.zeros(clip.frames.shape[:3], np.float32)
        values[piece] = part.values
        return Attribution(part.method, Target(dimension, frame), values, clip.times, part.relative_delta, part.seconds, part.notes)

    def _asked(self, method: Method, digest: str = "") -> Method:
        """A method with what it needs to know of this network, kept on disk if it is one of the package's; digest: as for `cached`."""
        options = {}
        known = self.network.attention_options
        if getattr(method, "needs_attention", False) or (getattr(method, "takes_tokens", False) and has_tokens(known)):
            options = dict(known or {})
            if options.get("layout") is None:
                options.pop("layout", None)
        known = getattr(method, "__wrapped__", method) in OWN_METHODS
        return partial(cached, method, digest=digest, **options) if known else partial(method, **options)

    # What is said of it

    def notes_on(self, crops: Crops) -> tuple[str, ...]:
        """What a reader of a result on these crops must know: of the network, and of the video."""
        real = crops.source != "truth" and self.caution
        return (*self.notes, *((self.caution,) if real else ()), *crops.notes)

    def trained_on(self) -> dict[str, str | None]:
        """What it has learned from, for a provenance."""
        data = self.info.get("data", {})
        scenarios = ", ".join(dict.fromkeys(data.get("spec", {}).get("scenarios", [])))
        seen = seen_text(self.info)
        return {"trained_on": f"{seen} ({scenarios})" if seen else data.get("name"), "data_hash": data.get("hash")}

    def crop_text(self, *sources: str) -> str:
        """How crops were made, for a provenance."""
        return f"{', '.join(sorted(set(sources)))}, {self.network.size} px"

    def provenance(self, **facts) -> dict[str, str]:
        """What is needed to make a result again: the network, then the given facts, then versions and the command."""
        mirror = "mean of the video and its mirror image" if self.mirror else None
        weights = weights_now(self.model, self.loaded_weights, self.hash)
        return provenance(system=self.system, weights_sha256=weights, hub=self.origin or None, **facts, mirror=mirror)

    def provenance_of(self, crops: Crops) -> dict[str, str]:
        """What is needed to make a result on one video again."""
        regions = crops.regions.region_set.key if crops.regions is not None else FACE.versioned if crops.track is not None else None
        facts = {"crop": self.crop_text(crops.source), "regions": regions, "dimension": ", ".join(self.dimensions)}
        return self.provenance(**self.trained_on(), **facts)


Network = Source | VideoReader
"""Whatever `VideoReader.load` takes: a source, or a network that is loaded already."""
