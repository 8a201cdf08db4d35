"""Models whose attention is known to explain or not to explain, to see that a verdict comes out right on each.

decorative        the head never sees the attention
only path         the cue reaches the head through the attention alone
untrained         nothing was learned
distractor        trained where the background gives the valence away
uniform           trained with the same attention everywhere

The first two are built, not trained: their weights follow from what they have to do. The clips are 8 frames of a face with painted
patches: tiny grey faces of 32 px, or on a canvas of rendered faces, crops of 112 px of flat faces or 3D heads that move.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from stavis.attention.modules import AttentionProduct, SpatialSoftmax
from stavis.tensors import as_input
from stavis.trust.judge import Verdict, verdict
from stavis.trust.known.canvas import GRID, MOUTH, TOY, Canvas, canvas_of
from stavis.types import Clip

FRAMES = 8

PLACES = ((1, 4), (6, 3))
"""The cells of the forehead and the chin that stand for a low and a high valence in the clips with the cue 'place'."""

EXPECTED = {
    "decorative": {"needed": "no", "sufficient": "no", "unique": "no", "agrees": "no"},
    "only path": {"needed": "yes", "sufficient": "yes", "unique": "yes", "agrees": "forced"},
    "untrained": {"needed": "no", "sufficient": "no", "unique": "no", "agrees": "no"},
    "distractor": {"needed": "yes", "sufficient": "yes", "unique": "no", "agrees": "forced"},
    "uniform": {"needed": "no", "sufficient": "no", "unique": "no", "agrees": "undecided"},
}
"""What a verdict must say of each model, and why it must:

decorative: no output depends on the map. only path: all of it does, and one place at a time is right; but any head behind the same
attention would agree with it as much: the agreement is forced by the architecture. untrained: there is nothing to explain. distractor: the
background is found and read, but any part of it would have done, and any head would follow the attention there. uniform: a constant
map ranks nothing, and nobody can say whether anything agrees with it.
"""


class Look(nn.Module):
    """Scores of each frame's cells of `cell` px from its pixels, and the attention they make: (B,T,3,H,W) -> (B,T,h,w)."""

    def __init__(self, cell: int, hidden: int = 8, gain: float = 4.0):
        super().__init__()
        self.see = nn.Conv2d(3, hidden, cell, stride=cell)
        self.on = nn.ReLU()
        self.score = nn.Conv2d(hidden, 1, 1)
        self.softmax = SpatialSoftmax(gain)

    def forward(self, frames: torch.Tensor, blind: bool = False) -> torch.Tensor:
        scores = self.score(self.on(self.see(frames.flatten(0, 1) - 0.5)))  # B*T,1,h,w
        if blind:
            scores = torch.zeros_like(scores)
        return self.softmax(scores.squeeze(1).unflatten(0, frames.shape[:2]))


class Read(nn.Module):
    """Features of every cell of `cell` px over time: (B,T,3,H,W) -> X (B,C,T,h,w)."""

    def __init__(self, cell: int, channels: int = 8):
        super().__init__()
        self.see = nn.Conv3d(3, channels, (3, cell, cell), stride=(1, cell, cell), padding=(1, 0, 0))
        self.on = nn.ReLU()

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.on(self.see(frames.transpose(1, 2) - 0.5))


class Attentive(nn.Module):
    """The smallest network of the kind: look, read, multiply, average over space, one number a frame.

    uses: 'attention', 'nothing' (the head reads X alone) or 'uniform' (the scores are all the same).
    """

    dimensions = ("valence",)

    def __init__(self, uses: str = "attention", cell: int = TOY.cell):
        super().__init__()
        self.uses = uses
        self.look, self.read = Look(cell), Read(cell)
        self.attend = AttentionProduct()
        self.head = nn.Linear(8, 1)

    def forward(self, frames: torch.Tensor, attention: torch.Tensor | None = None) -> torch.Tensor:
        if attention is None:
            attention = self.look(frames, blind=self.uses == "uniform")
        features = self.read(frames)
        if self.uses != "nothing":
            features = self.attend(features, attention)
        return self.head(features.mean((3, 4)).transpose(1, 2))


class PlaceCode(nn.Module):
    """What each cell stands for, whatever is seen there: (h,w) -> X (B,1,T,h,w)."""

    def __init__(self):
        super().__init__()
        self.code = nn.Parameter(torch.zeros(GRID, GRID))

    def reset_parameters(self) -> None:
        nn.init.normal_(self.code, std=0.3)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.code.expand(frames.shape[0], 1, frames.shape[1], *self.code.shape)


class OnlyPath(nn.Module):
    """Where it looks is all that the head learns: each cell has a value of its own, and the attention picks the cell."""

    dimensions = ("valence",)

    def __init__(self, cell: int = TOY.cell):
        super().__init__()
        self.look, self.place, self.attend = Look(cell), PlaceCode(), AttentionProduct()

    def forward(self, frames: torch.Tensor, attention: torch.Tensor | None = None) -> torch.Tensor:
        if attention is None:
            attention = self.look(frames)
        return self.attend(self.place(frames), attention).mean((3, 4)).transpose(1, 2)


@dataclass(frozen=True)
class ToyFace:
    """What is in the clips: which patches there are and which of them carries the valence.

    cue: 'mouth' (a red patch on the face, its strength is the valence), 'place' (a red patch at one of two places, which tells) or
    'background' (green strips on both sides of the face, their brightness is the valence). decoy: a green patch that means nothing.
    On rendered faces red and green are the two colours of the canvas.
    """

    cue: str
    decoy: bool = False


def toy_clips(face: ToyFace, count: int, seed: int, canvas: Canvas = TOY) -> list[Clip]:
    """Clips of 8 frames with valence labels and regions: patches on a grey face on a noisy ground, or on the faces of a canvas."""
    return [_render(face, canvas, seed, number) for number in range(count)]


def _render(toy: ToyFace, canvas: Canvas, seed: int, number: int) -> Clip:
    rng = np.random.default_rng([seed, number])
    valence = np.tanh(1.2 * rng.standard_normal() + np.cumsum(0.35 * rng.standard_normal(FRAMES)))
    frames, regions = canvas.ground(rng, seed, number, FRAMES)
    if toy.cue == "place":
        side = (np.cumsum(rng.random(FRAMES) < 0.3) + rng.integers(2)) % 2
        valence = np.where(side, 0.8, -0.8)
        for frame, which in enumerate(side):
            canvas.paint(frames[frame], PLACES[int(which)], canvas.cue, 0.9, 0.2)
        canvas.paint_boards(frames, 1)
    else:
        strength = valence if toy.cue == "mouth" else np.tanh(rng.standard_normal() + np.cumsum(0.35 * rng.standard_normal(FRAMES)))
        canvas.paint(frames, MOUTH, canvas.cue, 0.55 + 0.35 * strength, 0.2)
    edge = [(row, column) for row in range(GRID) for column in (0, GRID - 1)]
    if toy.cue == "background":
        for cell in edge:
            canvas.paint(frames, cell, canvas.decoy, 0.6 + 0.35 * valence, 0.2)
    if toy.decoy:
        cell, brightness = edge[rng.integers(len(edge))], np.tanh(rng.standard_normal(FRAMES))
        canvas.paint(frames, cell, canvas.decoy, 0.6 + 0.35 * brightness, 0.2)
    images = (np.clip(frames + 0.02 * rng.standard_normal(frames.shape), 0, 1) * 255).round().astype(np.uint8)
    return Clip(images, np.arange(FRAMES) / 6.25, valence[:, None], regions=regions, recording=f"clip {number}")


def decorative(canvas: Canvas = TOY) -> Attentive:
    """The attention goes to what is green; the head reads the red patch everywhere and never sees the attention."""
    model = Attentive("nothing", canvas.cell)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        set_contrast(model.look.see.weight[0], canvas.decoy, 6.0)
        model.look.score.weight[0, 0] = 1.0
        set_contrast(model.read.see.weight[0, :, 1], canvas.cue, 1.0)
        model.read.see.bias[0] = -0.03  # above the noise
        model.head.weight[0, 0] = 64 / 0.35  # the patch's redness is .35 + .35 v, on one of 64 cells
        model.head.bias[0] = -1 + 0.03 / 0.35
    return model


def only_path(canvas: Canvas = TOY) -> OnlyPath:
    """The attention goes to what is red; two cells stand for −.8 and +.8."""
    model = OnlyPath(canvas.cell)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        set_contrast(model.look.see.weight[0], canvas.cue, 5.0)
        model.look.score.weight[0, 0] = 1.0
        for place, value in zip(PLACES, (-0.8, 0.8), strict=True):
            model.place.code[place] = value
    return model


def set_contrast(weight: torch.Tensor, channel: int, scale: float) -> None:
    """Make a filter (3,k,k) answer to one colour above the mean of the others."""
    pixels = weight[channel].numel()
    weight.fill_(-scale / 2 / pixels)
    weight[channel] = scale / pixels


def trained(uses: str, face: ToyFace, seed: int, *, steps: int = 300, clips: int = 128, canvas: Canvas = TOY) -> Attentive:
    """An Attentive network trained for some seconds on toy clips."""
    shown = toy_clips(face, clips, seed + 5000, canvas)
    frames = torch.cat([as_input(clip.frames) for clip in shown])
    labels = torch.from_numpy(np.stack([clip.labels for clip in shown])).float()
    model = untrained(seed, uses, canvas)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-2, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-2, total_steps=steps)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        chosen = torch.from_numpy(rng.choice(clips, 16, replace=False))
        loss = (model(frames[chosen]) - labels[chosen]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def untrained(seed: int, uses: str = "attention", canvas: Canvas = TOY) -> Attentive:
    """An Attentive network as it is made."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Attentive(uses, canvas.cell).eval()


def case(name: str, seed: int, *, clips: int = 12, canvas: Canvas = TOY) -> tuple[nn.Module, list[Clip]]:
    """One of the models of EXPECTED and clips that it has not seen."""
    faces = {"only path": ToyFace("place"), "distractor": ToyFace("background")}
    face = faces.get(name, ToyFace("mouth", decoy=True))
    model = {
        "decorative": lambda: decorative(canvas),
        "only path": lambda: only_path(canvas),
        "untrained": lambda: untrained(seed, canvas=canvas),
        "distractor": lambda: trained("attention", face, seed, canvas=canvas),
        "uniform": lambda: trained("uniform", face, seed, canvas=canvas),
    }[name]()
    return model, toy_clips(face, clips, seed, canvas)


def known_answers(seeds: Sequence[int] = (0, 1, 2), *, renderer: str = "", judged: Callable[[], None] = lambda: None) -> list[dict]:
    """Whether the verdict is right where the truth is known: one entry a model and seed; `judged` is called after each.

    renderer: whose faces the patches are painted on, "flat" or "heads"; '' for tiny grey ones.

    Each is {model, seed, needed, sufficient, unique, agrees, expected: {...}, right}; answers are yes, no or undecided.
    """
    rows = []
    for name in EXPECTED:
        for seed in seeds:
            rows.append(known_answer(name, seed, renderer))
            judged()
    return rows


def known_answer(name: str, seed: int, renderer: str = "") -> dict:
    """Whether the verdict is right on one of the networks of EXPECTED; an entry of known_answers."""
    model, clips = case(name, seed, canvas=canvas_of(renderer))
    answers = said(verdict(model, clips, seed=seed))
    return {"model": name, "seed": seed, **answers, "expected": dict(EXPECTED[name]), "right": answers == EXPECTED[name]}


def said(found: Verdict) -> dict[str, str]:
    """The four answers by their questions."""
    return {answer.question: answer.answer for answer in found.answers}
