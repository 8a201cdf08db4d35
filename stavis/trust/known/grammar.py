"""A grammar of networks whose answers are known: built, not trained, so that each right answer follows from the construction.

A network is {what the attention looks at} × {how much of it lies there} × {what of the prediction goes past the attention} × {how many
cells carry the cue} × {unit of outputs and labels}. Seeds vary clips, positions, units and the exact numbers within a rule.

The clips are tiny synthetic faces, 6 frames of 32 px on 8 × 8 cells: one red patch (or sixteen) whose strength is the label, a green
decoy that means nothing, and boards in the corners, so that the cue is not also the strongest edge. The same rules hold on crops of
rendered faces, flat ones or 3D heads, with patches of two other colours (see stavis.trust.known.canvas).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from stavis.attention.modules import AttentionProduct, SpatialSoftmax
from stavis.trust.known.canvas import CORNERS, EYES, GRID, MOUTH, TOY, Canvas
from stavis.trust.known.five import PlaceCode, set_contrast
from stavis.types import Clip

FRAMES = 6
CELLS = GRID * GRID
FREE = tuple((row, column) for row in range(1, 7) for column in range(2, 6) if (row, column) not in (*EYES.values(), MOUTH))
"""The cells of the face where a cue or a decoy can be."""
ANYWHERE = tuple((row, column) for row in range(GRID) for column in range(GRID) if (row, column) not in CORNERS)
"""The cells where a cue of many cells can be."""

RED, FLOOR = 0.65, 0.15
"""The contrast of a patch of strength 1, and what of it the features leave out: noise, and what a blurred patch leaves."""

LOUD = 30.0
"""The gain of the path past the attention that drowns what a random head reads through the attention."""


@dataclass(frozen=True)
class Rule:
    """One network of the grammar.

    looks: cue, decoy, position (one cell, whatever is there), clock (a cell by the frame's number) or nowhere (uniform). share: how
    much of the attention lies on what it looks at. past: the fraction of the prediction that goes past the attention. cells: how many
    carry the cue. loud: how many times more the architecture makes of what goes past the attention than of what goes through it, so
    that a random head reads all cells; the built weights make up for it. place: the prediction is where it looks, not what is there.
    one_sided: the cue is one eye. right: whether position and clock point at the cue. outputs and labels: their units; None = drawn
    by the seed.
    """

    name: str
    looks: str = "cue"
    share: float = 0.95
    past: float = 0.0
    loud: float = 1.0
    cells: int = 1
    place: bool = False
    one_sided: str = ""
    right: bool = True
    outputs: float | None = None
    labels: float | None = None


RULES = (
    Rule("sharp"),
    Rule("sharp, a third past the attention", past=0.3),
    Rule("sharp, most past the attention", past=0.6),
    Rule("sharp, all but a little past the attention", past=0.98),
    Rule("sharp, outputs 2.5 times too large", outputs=2.5, labels=1.0),
    Rule("sharp, outputs tiny", outputs=0.03, labels=1.0),
    Rule("sharp, labels in a small unit", outputs=1.0, labels=0.12),
    Rule("soft", share=0.25),
    Rule("faint", share=0.03),
    Rule("sixteen cells, sharp", cells=16),
    Rule("sixteen cells, soft", cells=16, share=0.6),
    Rule("sixteen cells, all but a little past the attention", cells=16, past=0.98),
    Rule("one position, the right one", looks="position"),
    Rule("one position, a third past the attention", looks="position", past=0.3),
    Rule("by the clock, the right cells", looks="clock"),
    Rule("the place is the message", place=True),
    Rule("the place is the message, less sharp", place=True, share=0.85),
    Rule("left eye only", one_sided="left"),
    Rule("right eye only", one_sided="right"),
    Rule("decorative, on the cue", past=1.0),
    Rule("decorative, faint on the cue", past=1.0, share=0.03),
    Rule("decorative, on the decoy", looks="decoy", past=1.0),
    Rule("decorative, on one position", looks="position", past=1.0, right=False),
    Rule("decorative, by the clock", looks="clock", past=1.0, right=False),
    Rule("on the decoy, all but a little past the attention", looks="decoy", past=0.98),
    Rule("nowhere", looks="nowhere"),
    Rule("nowhere, decorative", looks="nowhere", past=1.0),
    Rule("sharp, a loud path past the attention", past=0.3, loud=LOUD),
    Rule("sharp, most on a loud path past the attention", past=0.6, loud=LOUD),
    Rule("sharp, all but a little on a loud path past the attention", past=0.98, loud=LOUD),
    Rule("soft, a loud path past the attention", share=0.25, past=0.3, loud=LOUD),
    Rule("one position, a loud path past the attention", looks="position", past=0.3, loud=LOUD),
    Rule("by the clock, a loud path past the attention", looks="clock", past=0.3, loud=LOUD),
    Rule("left eye, a loud path past the attention", past=0.3, loud=LOUD, one_sided="left"),
    Rule("on the decoy, all but a little on a loud path past the attention", looks="decoy", past=0.98, loud=LOUD),
)

USED_YES, USED_NO = 0.5, 0.1
"""Change of the prediction, in its standard deviations, from which the right answer to `needed` is yes, and up to which it is no."""


@dataclass(frozen=True)
class KnownNetwork:
    """A network of a rule and a seed, its clips, and the right answers; a question that the construction leaves open has none."""

    rule: Rule
    seed: int
    model: nn.Module
    clips: list[Clip]
    expected: dict[str, str]


def known_network(rule: Rule, seed: int, clips: int = 12, canvas: Canvas = TOY) -> KnownNetwork:
    """The network and clips of a rule and a seed, on tiny grey faces or on those of a canvas."""
    index = RULES.index(rule) if rule in RULES else len(RULES)
    rng = np.random.default_rng([seed, index])
    rule = _varied(rule, rng)
    outputs = rule.outputs if rule.outputs is not None else float(rng.choice([0.05, 0.5, 1.0, 2.5, 20.0]))
    labels = rule.labels if rule.labels is not None else float(rng.choice([0.12, 1.0]))
    offset = float(rng.normal()) * outputs
    layout = _layout(rule, rng)
    rngs = [np.random.default_rng([seed, index, number]) for number in range(clips)]
    made = [_clip(rule, layout, own, canvas, seed, number) for number, own in enumerate(rngs)]
    strengths = np.stack([strength for _, _, strength in made])
    model = _network(rule, layout, outputs, offset, canvas)
    values = np.where(strengths > 0.6, 0.5, -0.5) if rule.place else strengths - 0.5
    shown = [
        Clip(frames, np.arange(FRAMES) / 6.25, labels * value[:, None], regions=regions, recording=f"clip {number}")
        for number, ((frames, regions, _), value) in enumerate(zip(made, values, strict=True))
    ]
    return KnownNetwork(rule, seed, model, shown, _expected(rule, strengths))


def _varied(rule: Rule, rng: np.random.Generator) -> Rule:
    """The rule with its share and its fraction past the attention a little higher or lower."""
    odds = rule.share / (1 - rule.share) * float(np.exp(0.2 * rng.uniform(-1, 1)))
    past = rule.past if rule.past in (0, 1) else rule.past + (1 - rule.past) * 0.1 * float(rng.uniform(-1, 1))
    return replace(rule, share=odds / (1 + odds), past=past)


def _expected(rule: Rule, strengths: np.ndarray) -> dict[str, str]:
    """The right answers, from the rule alone: how much the prediction changes, whether the cue's cells come first, and so on."""
    answers = {}
    at_cue = rule.looks == "cue" or (rule.looks in ("position", "clock") and rule.right)
    change = _change(rule, strengths)
    if change >= USED_YES or change <= USED_NO:
        answers["needed"] = "yes" if change >= USED_YES else "no"
    answers["sufficient"] = "yes" if at_cue else "no"
    if rule.past >= 0.97 or rule.cells > 4 or rule.share <= 0.3 or rule.looks == "nowhere":
        answers["unique"] = "no"
    elif rule.past <= 0.7 and rule.share >= 0.8 and at_cue:
        answers["unique"] = "yes"
    if rule.looks == "nowhere":
        answers["agrees"] = "undecided"
    elif rule.past == 1 or rule.loud > 1:  # the built head reads the cue, a random one all cells
        answers["agrees"] = "yes" if at_cue else "no"
    elif at_cue and not rule.place and rule.cells == 1 and rule.share >= 0.9:
        answers["agrees"] = "forced"
    elif at_cue and not rule.place and rule.share <= 0.04:
        answers["agrees"] = "yes"
    return answers


def _change(rule: Rule, strengths: np.ndarray) -> float:
    """RMS change of the prediction under uniform attention, in its standard deviations."""
    if rule.looks == "nowhere":
        return 0.0
    if rule.place:
        return 1.0
    kept = rule.cells / (CELLS * rule.share)
    features = RED * strengths - FLOOR
    return (1 - rule.past) * abs(1 - kept) * float(np.sqrt((features**2).mean()) / features.std())


class Look(nn.Module):
    """Attention from what is red or green, saturating: its share does not depend on the strength; plus a prior by cell and frame."""

    def __init__(self, cell: int):
        super().__init__()
        self.see = nn.Conv2d(3, 4, cell, stride=cell)
        self.on = nn.ReLU()
        self.score = nn.Conv2d(4, 1, 1)
        self.prior = nn.Parameter(torch.zeros(FRAMES, GRID, GRID))
        self.softmax = SpatialSoftmax(1.0)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        scores = self.score(self.on(self.see(frames.flatten(0, 1))))
        return self.softmax(scores.squeeze(1).unflatten(0, frames.shape[:2]) + self.prior[: frames.shape[1]])


class Network(nn.Module):
    """Features of each cell, read through the attention (`attended`) and past it (`direct`): either may be missing."""

    dimensions = ("valence",)

    def __init__(self, attended: bool, direct: bool, place: bool, loud: float = 1.0, cell: int = TOY.cell):
        super().__init__()
        self.loud = loud
        self.look = Look(cell)
        self.see = PlaceCode() if place else nn.Conv2d(3, 4, cell, stride=cell)
        self.on = nn.Identity() if place else nn.ReLU()
        width = 1 if place else 4
        self.attend = AttentionProduct() if attended else None
        self.attended = nn.Linear(width, 1) if attended else None
        self.direct = nn.Linear(width, 1) if direct else None

    def forward(self, frames: torch.Tensor, attention: torch.Tensor | None = None) -> torch.Tensor:
        if attention is None:
            attention = self.look(frames)
        if isinstance(self.see, PlaceCode):
            features = self.see(frames)
        else:
            features = self.on(self.see(frames.flatten(0, 1))).unflatten(0, frames.shape[:2]).transpose(1, 2)
        output = 0
        if self.attended is not None:
            output = output + self.attended(self.attend(features, attention).mean((3, 4)).transpose(1, 2))
        if self.direct is not None:
            output = output + self.direct(self.loud * features.mean((3, 4)).transpose(1, 2))
        return output


def _network(rule: Rule, layout: dict, outputs: float, offset: float, canvas: Canvas) -> Network:
    model = Network(rule.past < 1, rule.past > 0, rule.place, rule.loud, canvas.cell)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        looked = rule.cells if rule.looks == "cue" else 1
        height = float(np.log((CELLS - looked) * rule.share / (looked * (1 - rule.share))))
        if rule.looks in ("cue", "decoy"):
            for channel, start in ((0, 3.0), (1, 4.0)):  # a ramp from contrast .15 to .2, then flat
                set_contrast(model.look.see.weight[channel], canvas.cue if rule.looks == "cue" else canvas.decoy, 20.0)
                model.look.see.bias[channel] = -start
                model.look.score.weight[0, channel] = height if channel == 0 else -height
        elif rule.looks != "nowhere":
            for frame, cell in enumerate(layout["looked"]):
                model.look.prior[(frame, *cell)] = height
        if rule.place:
            for cell, value in zip(layout["places"], (-0.5, 0.5), strict=True):
                model.see.code[cell] = value
            model.attended.weight[0, 0] = outputs / rule.share
        else:
            set_contrast(model.see.weight[0], canvas.cue, 1.0)
            model.see.bias[0] = -FLOOR
            if rule.past < 1:
                seen = 1 / CELLS if rule.looks == "nowhere" else rule.share / rule.cells
                model.attended.weight[0, 0] = outputs * (1 - rule.past) / RED / (seen * rule.cells)
            if rule.past > 0:
                model.direct.weight[0, 0] = outputs * rule.past / RED * CELLS / rule.cells / rule.loud
        (model.attended if rule.past < 1 else model.direct).bias[0] = offset
    return model.eval()


def _layout(rule: Rule, rng: np.random.Generator) -> dict:
    """What is the same in all clips: the places that stand for low and high, and the cells of a position or a clock."""
    cells = [FREE[index] for index in rng.permutation(len(FREE))]
    path = [cells[2]] * FRAMES if rule.looks != "clock" else [cells[2 + frame] for frame in range(FRAMES)]
    looked = path if rule.right else [cells[-1 - frame * (rule.looks == "clock")] for frame in range(FRAMES)]
    return {"places": cells[:2], "path": path, "looked": looked}


def _clip(
    rule: Rule, layout: dict, rng: np.random.Generator, canvas: Canvas, seed: int, number: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames (T,H,W,3) uint8 and regions (T,R,H,W) of one clip, and the strength of its cue (T,) in [.4,1]."""
    walk = rng.normal() + np.cumsum(0.5 * rng.standard_normal(FRAMES))
    strength = 0.7 + 0.3 * np.tanh(walk)
    frames, regions = canvas.ground(rng, seed, number, FRAMES)
    canvas.paint_boards(frames)
    where = FREE if rule.cells == 1 else ANYWHERE
    cells = [where[index] for index in rng.permutation(len(where))]
    cues = _cues(rule, layout, cells, rng)
    if rule.place:
        strength = np.where([cell[0] == layout["places"][1] for cell in cues], 0.9, 0.3)
    taken = {cell for frame in cues for cell in frame}
    decoy = next(cell for cell in (*cells, (0, 3), (7, 3)) if cell not in taken and cell not in layout["looked"])
    for frame in range(FRAMES):
        for cell in cues[frame]:
            shown = 0.6 if rule.place else strength[frame]
            canvas.paint(frames[frame], cell, canvas.cue, 0.25 + RED * shown, 0.25)
        canvas.paint(frames[frame], decoy, canvas.decoy, 0.25 + RED * rng.uniform(0.4, 1.0), 0.25)
    noisy = frames + 0.02 * rng.standard_normal(frames.shape)
    return (np.clip(noisy, 0, 1) * 255).round().astype(np.uint8), regions, strength


def _cues(rule: Rule, layout: dict, cells: list, rng: np.random.Generator) -> list[list[tuple[int, int]]]:
    """The cells that carry the cue in each frame."""
    if rule.one_sided:
        return [[EYES[rule.one_sided]]] * FRAMES
    if rule.place:
        side = (np.cumsum(rng.random(FRAMES) < 0.4) + rng.integers(2)) % 2
        return [[layout["places"][index]] for index in side]
    if rule.looks in ("position", "clock"):
        return [[cell] for cell in layout["path"]]
    return [cells[: rule.cells]] * FRAMES
