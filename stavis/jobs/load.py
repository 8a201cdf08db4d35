"""A network with everything that can be asked of it: read, explain, explore, evaluate, judge."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from stavis import notes
from stavis.errors import StavisError
from stavis.inference.attribute import Method
from stavis.inference.explained import METHODS, SHOWN_SECONDS, Progress
from stavis.inference.predictor import Face, Regions, Video, VideoReader
from stavis.inference.source import Source
from stavis.jobs.compare.networks import Comparison, compare
from stavis.jobs.compare.recordings import RecordingComparison, compare_recordings
from stavis.jobs.evaluate import RunEvaluation, evaluate
from stavis.jobs.explain import Explanation
from stavis.jobs.explore import explore
from stavis.jobs.verdict import VerdictResult, verdict
from stavis.models.card import hub_card, model_card
from stavis.models.checkpoint import load_checkpoint
from stavis.models.hub import upload
from stavis.show.explorer.explorer import Explorer
from stavis.types import Recording


class Predictor(VideoReader):
    """A network ready to read videos, made by `stavis.load`.

    Parameters
    ----------
    name, system : str
        What it is called, and its architecture (for a module: its class).
    hash : str
        The sha256 of its weights file; of a module, of its weights, classes and settings.
    dimensions : tuple of str
        What it predicts, in order.
    attention : str or None
        The dotted path of the module that holds its attention; None for a network without.
    notes : tuple of str
        What was assumed of it.

    Examples
    --------
    >>> net = stavis.load("sta-synthetic", device="cpu")
    >>> net.dimensions, net.attention
    (('valence',), 'decoder.attend')
    >>> reading = net.read(video)
    """

    def explain(
        self,
        video: Video,
        methods: Sequence[str | Method] = METHODS,
        *,
        source: str = "auto",
        face: Face = "largest",
        regions: Regions = None,
        target: str | int | None = None,
        attention_layers: bool = False,
        heads: int | None = None,
        shown_seconds: float = SHOWN_SECONDS,
        progress: Progress | None = None,
    ) -> Explanation:
        """Read one video and attribute its prediction to the pixels.

        Parameters
        ----------
        video : path, Recording, Crops or array
            As in `read`.
        methods : sequence of str or callable
            Attributions beside the attention, by name ("saliency", "integrated-gradients", "grad-cam", ...) or functions of one's own.
        source, face :
            As in `read`.
        regions : str or path, optional
            "grid:ROWSxCOLUMNS", or a CSV or npz of boxes or masks over time in source pixels; default the parts of the face, and for
            networks of whole frames "grid:3x3".
        target : str or int, optional
            The output that attributions explain, by name or number; default the first, of classes the likeliest.
        attention_layers : bool
            Also the attention of each layer of a transformer (the mean over its heads), to choose in the scrubber.
        heads : int, optional
            The layer (from 0, -1 the last) of which the attention of each head is there, too.
        shown_seconds : float
            Attributions are computed for so many seconds (s) from the middle of a longer video.
        progress : callable, optional
            Called with the stage, what is done and all.

        Returns
        -------
        Explanation
            With `.shares`, `.scrubber()`, `.figure("shares")`, `.table("regions")`, `.save("out")`.

        Raises
        ------
        StavisError
            Where the video cannot be read or shows no face, or a method is unknown.

        Examples
        --------
        >>> x = stavis.load("sta-synthetic", device="cpu").explain(video, methods=("saliency",))
        >>> list(x.attributions)
        ['Saliency']
        """
        options: dict[str, Any] = {"source": source, "face": face, "target": target, "shown_seconds": shown_seconds, "progress": progress}
        options |= {"regions": regions, "attention_layers": attention_layers, "heads": heads}
        explanation = Explanation.of(self, video, methods=methods, **options)
        notes.show(explanation.new_notes)
        return explanation

    def explore(self, recordings: str | Path | Sequence[str | Path | Recording] | None = None, **options) -> Explorer:
        """Open recordings (a data set, a video, or a list of videos) in a view in which one looks, asks and annotates.

        Without recordings: the embedded synthetic faces that were not trained on. `options` as in `stavis.jobs.explore`: data, split,
        start, methods, dimension, seconds, annotations, out, source, face, regions, quiet.

        Raises StavisError where the recordings cannot be read, or an option does not fit.
        """
        return explore(self, recordings, **options)

    def compare(self, other: Source, video: Video, **options) -> Comparison:
        """This network and another on one video: both maps and their difference, both predictions, agreement by region and frame.

        `other` is anything that `stavis.load` takes, or what it gives; `options` as in `stavis.jobs.compare`: names, source, face,
        regions, seconds, device.

        Raises StavisError where one is shown the face and the other whole images.

        Examples
        --------
        >>> net = stavis.load("sta-synthetic", device="cpu")
        >>> net.compare(net, video, names=("mine", "yours")).prediction.dimensions
        ('valence, mine', 'valence, yours')
        """
        return compare([self, other], video, **options)

    def compare_recordings(self, first: Video, second: Video, **options) -> RecordingComparison:
        """Two recordings read by this network, on one clock: frames side by side, predictions and shares of both in one chart.

        `options` as in `stavis.jobs.compare_recordings`: names, offset, source, face, regions, seconds, quiet.

        Raises StavisError where one cannot be read, they share no moment, or one has no frame rate.

        Examples
        --------
        >>> net = stavis.load("sta-synthetic", device="cpu")
        >>> net.compare_recordings(video, video, names=("before", "after")).scrubber().map
        'attention, before'
        """
        return compare_recordings(self, [first, second], **options)

    def evaluate(self, data: str | Path | None = None, split: str = "test", **options) -> RunEvaluation:
        """Score its predictions on one split of a data set (the embedded synthetic faces where none is given).

        `options` as in `stavis.jobs.evaluate`: source, fill, fold, exclude, time_unit, scale, max_gap, out, quiet.

        Raises StavisError where the data cannot be read or the split has no labels.
        """
        return evaluate(self, data, split=split, **options)

    def verdict(self, data: str | Path | None = None, clips: int = 12, **options) -> VerdictResult:
        """Judge whether its attention explains what it predicts, on one clip of each of the first `clips` recordings of a split.

        `options` as in `stavis.jobs.verdict`: split, dimension, renderer, regions, time_unit, scale, max_gap, seed, out, quiet.

        Raises StavisError where the data cannot be read, it has no such dimension, or it was loaded with mirror=True.
        """
        return verdict(self, data, clips=clips, **options)

    def push_to_hub(self, repository: str, *, private: bool = True, revision: str | None = None, license: str | None = None) -> str:
        """Put its checkpoint on the Hugging Face Hub: weights as safetensors, config.json, and its model card with the hub's header.

        Parameters
        ----------
        repository : str
            "owner/name"; made where there is none.
        private : bool
            Whether a repository that is made is private; default True, so that nothing is published by an oversight.
        revision : str, optional
            The branch that is written, made where there is none; default main.
        license : str, optional
            As the hub names it ("mit", "cc-by-nc-4.0" ...). Left out: the one that its card names, "mit" for a network that has only seen
            synthetic faces; for others it has to be given, for it depends on their data.

        Returns
        -------
        str
            "hf:owner/name@commit", which `load` opens.

        Raises
        ------
        StavisError
            Where it is no checkpoint of stavis, or the hub cannot be written.

        Examples
        --------
        >>> stavis.load("sta-synthetic", device="cpu").push_to_hub("me/my-network")  # doctest: +SKIP
        """
        if self.folder is None:
            raise StavisError(f"{self.name} is a module and no checkpoint of stavis: put it on the hub with its own library.")
        checkpoint = load_checkpoint(self.folder)
        if checkpoint.hash != self.hash:
            raise StavisError(f"{self.folder} holds other weights now than when {self.name} was loaded: load it again, then push.")
        written = self.folder / "README.md"
        text = written.read_text(encoding="utf-8") if written.is_file() else model_card(self.name, checkpoint.info)
        return upload(self.folder, hub_card(text, checkpoint.info, license), repository, private=private, revision=revision)


def load(
    source: Source,
    *,
    forward: Callable | None = None,
    frames: int | None = None,
    size: int | None = None,
    rate: float | None = None,
    seconds: float | None = None,
    normalise: tuple | None = None,
    region: str | None = None,
    framing: str | None = None,
    outputs: Sequence[str] | str | None = None,
    classes: str | None = None,
    attention: nn.Module | str | None = None,
    layout: str | None = None,
    maps: str | None = None,
    layer: int | None = None,
    head: int | None = None,
    processor: object = None,
    adapter: Callable | None = None,
    output_head: nn.Module | str | None = None,
    device: str = "auto",
    mirror: bool = False,
    mode: str = "window",
) -> Predictor:
    """A network ready to read videos.

    Parameters
    ----------
    source : str, path or torch.nn.Module
        A shipped name (`pretrained_names`; "sta" is short for the default one), the folder of a run or of a checkpoint, a checkpoint on
        the Hugging Face Hub ("hf:owner/name", "hf:owner/name@revision"), any module, or the import path of a function that makes one
        ("my_package.my_module:make_network"). Everything below is for modules: a checkpoint knows its own. Networks of
        transformers, timm and torchvision are recognised; what is given here goes before what is known of them.
    forward : callable, optional
        (module, frames (B,T,3,H,W)) -> its outputs; by default the module is called, with volumes or single frames where it takes those.
    frames : int, optional
        The number of frames of a clip, for networks that take no other; shorter clips end with copies of the last frame.
    size : int, optional
        Side of the crops in pixels; default 112.
    rate : float, optional
        Frame rate that the network expects, in frames/s; default 6.25.
    seconds : float, optional
        Length of its windows in s; default `frames` at that rate, or 4.
    normalise : (mean, std), optional
        Of each colour, for frames in [0,1]; default none.
    region : {"face", "frame"}, optional
        What it is shown: crops of the face, or whole frames; default the face.
    framing : {"center_crop", "resize", "letterbox"}, optional
        How whole frames become square images; "center_crop:0.875" and "resize:0.875" keep that part of their sides. Default as the
        network's family expects.
    outputs : sequence of str or "labels", optional
        A name for each of the D outputs, or the classes that its configuration names; default "valence" for one. Heads of a dictionary
        are chosen by their names.
    classes : {"softmax", "sigmoid", ""}, optional
        How logits become what is shown; attributions explain the logit. Default "softmax" for "labels", else none.
    attention : torch.nn.Module or str, optional
        The module whose output is the attention, or its dotted path, with `*` for all layers; default the one SpatialSoftmax, or none.
    layout : str, optional
        How that output is laid out, for `record_attention`; by default it is found by its shape.
    maps : {"raw", "rollout", "relevance"}, optional
        Attention of one layer, or of all of them: rolled out, or weighted by the gradient of the highest output. Default raw.
    layer, head : int, optional
        Which layer and head of raw maps; default the last layer, the mean over heads.
    processor : optional
        An image processor of transformers, from which size, framing and normalisation are taken.
    adapter : callable, optional
        (module) -> `stavis.inference.adapters.families.Family`: what is known of networks of one's own.
    output_head : torch.nn.Module or str, optional
        The module, or its dotted path, that makes outputs of features: what verdicts initialise anew as control; default all that the
        attention does not depend on.
    device : str
        "auto" (a GPU if there is one; a module stays where it is), "cpu", "cuda", "mps".
    mirror : bool
        Every reading is the mean of the video and its mirror image, whose maps are mirrored back; default False.
    mode : {"window", "stream"}
        How videos are read: in windows that overlap by half (default), or in one pass with the network's memory carried on (sta, cnn3d).

    Returns
    -------
    Predictor
        Its `notes` say what was taken for granted; they are shown once.

    Raises
    ------
    StavisError
        Where there is no such checkpoint, the attention's path is wrong, or the module cannot run on such frames.

    Examples
    --------
    >>> stavis.load("sta-synthetic", device="cpu").system
    'sta'
    """
    given: dict = {"forward": forward, "frames": frames, "size": size, "rate": rate, "seconds": seconds, "normalise": normalise}
    given |= {"region": region, "framing": framing, "classes": classes, "attention": attention, "layout": layout, "maps": maps}
    given |= {"layer": layer, "head": head, "processor": processor, "adapter": adapter, "output_head": output_head}
    if outputs is not None:
        given["outputs"] = "labels" if outputs == "labels" else (outputs,) if isinstance(outputs, str) else tuple(outputs)
    return Predictor.load(source, device=device, mirror=mirror, mode=mode, **given)
