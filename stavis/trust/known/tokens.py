"""Tiny video transformers whose right answers are known: built, not trained, so that each answer follows from the construction.

only path             class token: what is red is attended to and read through the attention alone
only path, all tokens joint space-time attention on pairs of frames, the mean over all tokens is read, one value a clip
redundant             the only path, but sixteen cells carry the same cue
averaged              the attention goes to a decoy, the prediction reads the mean of all patches
constant              the attention goes to the cue, but every value that it weighs is the same
idle head             of two heads the second goes to a decoy and is never read; the map is that of the second
untrained             nothing was learned

Clips are those of stavis.trust.known.grammar: a red patch (or sixteen) whose strength is the label, and a green decoy,
on tiny grey faces or on rendered ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from stavis.attention.tokens import TokenAttention
from stavis.trust.judge import verdict
from stavis.trust.known.canvas import TOY, Canvas, canvas_of
from stavis.trust.known.five import said, set_contrast
from stavis.trust.known.grammar import CELLS, FLOOR, GRID, RED, Rule, known_network
from stavis.types import Clip

WIDTH, HEADS, PAIR = 8, 2, 2
SHARE = 0.95
"""How much of a frame's attention lies on what it looks at."""

DECORATIVE = {"needed": "no", "sufficient": "no", "unique": "no", "agrees": "no"}


@dataclass(frozen=True)
class TokenRule:
    """One network. reads: attended, patches (their mean, past the attention) or constant (patches, and an attention to equal values).

    looks: the colour that each head looks at. joint: over pairs of frames, all of the clip, without a class token. cells: how many
    carry the cue. head: the one whose map is judged, None for the mean. expected: the right answers, those left out are open.
    """

    reads: str = "attended"
    looks: tuple[str, str] = ("red", "red")
    joint: bool = False
    cells: int = 1
    head: int | None = None
    built: bool = True
    expected: dict[str, str] = field(default_factory=dict)


RULES = {
    "only path": TokenRule(expected={"needed": "yes", "sufficient": "yes", "unique": "yes", "agrees": "forced"}),
    "only path, all tokens": TokenRule(joint=True, expected={"needed": "yes", "sufficient": "yes", "unique": "yes", "agrees": "forced"}),
    "redundant": TokenRule(cells=16, expected={"needed": "yes", "sufficient": "yes", "unique": "no"}),
    "averaged": TokenRule("patches", ("green", "green"), expected=DECORATIVE),
    "constant": TokenRule("constant", expected={"needed": "no", "sufficient": "yes", "unique": "no"}),
    "idle head": TokenRule(looks=("red", "green"), head=1, expected=DECORATIVE),
    "untrained": TokenRule(built=False, expected={"needed": "no", "unique": "no"}),
}
"""The networks by name, and what a verdict must say of each.

only path: as of the five. redundant: whichever of the sixteen cells is attended to, the prediction is the same. averaged, idle head: no
output depends on the map, and it lies where nothing is read. constant: no output depends on the map either, but it lies on what the
prediction reads, so that its cells suffice; random heads read the attended values, so that agreement is left open. untrained: there is
nothing to explain; its map is one of a random network, like those it is held against, and hardly varies: the other two are left open.
"""


class TokenNetwork(nn.Module):
    """Patches, one self-attention, one number: frames (B,T,3,S,S) of 8 x 8 cells -> (B,T,1)."""

    dimensions = ("valence",)

    def __init__(self, rule: TokenRule, cell: int = TOY.cell):
        super().__init__()
        self.rule = rule
        self.see = nn.Conv2d(3, 6, cell, stride=cell)
        self.on = nn.ReLU()
        self.embed = nn.Linear(6, WIDTH)
        self.token = ClassToken()
        self.attend = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.head = nn.Linear(2 * WIDTH, 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        batch, time = frames.shape[:2]
        patches = self.embed(self.on(self.see(frames.flatten(0, 1))).flatten(2).transpose(1, 2))  # B*T,h*w,WIDTH
        if self.rule.joint:
            tokens = patches.unflatten(0, (batch, time // PAIR, PAIR)).mean(2).flatten(1, 2)  # B,t*h*w,WIDTH
            read = self.attend(tokens, tokens, tokens, need_weights=False)[0].mean(1)
            past = tokens.mean(1)
        else:
            tokens = self.token(patches)
            read = self.attend(tokens, tokens, tokens, need_weights=False)[0][:, 0]
            past = patches.mean(1)
        if self.rule.built:
            read, past = (part * wanted for part, wanted in zip((read, past), self._wanted(), strict=True))
        values = self.head(torch.cat([read, past], 1))
        return values[:, None].expand(-1, time, -1) if self.rule.joint else values.unflatten(0, (batch, time))

    def _wanted(self) -> tuple[float, float]:
        """Which of the two ways to the prediction there are: through the attention, past it."""
        return {"attended": (1.0, 0.0), "patches": (0.0, 1.0), "constant": (1.0, 1.0)}[self.rule.reads]

    @property
    def attention(self) -> TokenAttention:
        """Where its attention is."""
        axes = f"(t h w), t={6 // PAIR} h={GRID} w={GRID}" if self.rule.joint else f"(1 + h w), h={GRID} w={GRID}"
        keys = axes.partition(",")[0]
        return TokenAttention(("attend",), f"{'b' if self.rule.joint else '(b t)'} heads {keys} {axes}", head=self.rule.head)


class ClassToken(nn.Module):
    """Patches (N,P,C) with a class token before them."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(WIDTH))

    def reset_parameters(self) -> None:
        nn.init.normal_(self.token, std=0.3)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.token.expand(len(patches), 1, -1), patches], 1)


def token_network(rule: TokenRule, seed: int = 0, canvas: Canvas = TOY) -> TokenNetwork:
    """The network of a rule; `seed` is that of the random initialisation of one that is not built."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TokenNetwork(rule, canvas.cell).eval()
    if rule.built:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
            _see(model, canvas)
            _attend(model, rule)
            _read(model, rule)
    return model


def _see(model: TokenNetwork, canvas: Canvas) -> None:
    """Embedding 0 and 1: whether a patch is red or green (0 to 1, saturating); 2: how red it is above the floor."""
    for row, colour in enumerate((canvas.cue, canvas.decoy)):
        first = 2 * row
        for channel, start in ((first, 3.0), (first + 1, 4.0)):
            set_contrast(model.see.weight[channel], colour, 20.0)
            model.see.bias[channel] = -start
        model.embed.weight[row, first], model.embed.weight[row, first + 1] = 1.0, -1.0
    set_contrast(model.see.weight[4], canvas.cue, 1.0)
    model.see.bias[4] = -FLOOR
    model.embed.weight[2, 4] = 1.0


def _attend(model: TokenNetwork, rule: TokenRule) -> None:
    """Every query is the same; keys are the colour that a head looks at; values how red a patch is, or all the same."""
    width = WIDTH // HEADS
    height = float(torch.tensor((CELLS - rule.cells) * SHARE / (rule.cells * (1 - SHARE))).log())
    for head, colour in enumerate(rule.looks):
        model.attend.in_proj_bias[head * width] = height * width**0.5
        model.attend.in_proj_weight[WIDTH + head * width, 0 if colour == "red" else 1] = 1.0
        if rule.reads == "constant":
            model.attend.in_proj_bias[2 * WIDTH + head * width] = 1.0
        else:
            model.attend.in_proj_weight[2 * WIDTH + head * width, 2] = 1.0
        if colour == "red":
            model.attend.out_proj.weight[head, head * width] = 1.0


def _read(model: TokenNetwork, rule: TokenRule) -> None:
    """The strength of the cue, less its middle, from the heads that look at it or from the mean of the patches."""
    reading = rule.looks.count("red")
    if rule.reads == "attended":
        model.head.weight[0, :reading] = 1 / (RED * SHARE * reading)
    else:
        model.head.weight[0, WIDTH + 2] = CELLS / RED
    if rule.reads == "constant":
        model.head.weight[0, :reading] = 0.1
    model.head.bias[0] = -0.5


def token_case(name: str, seed: int, *, clips: int = 12, canvas: Canvas = TOY) -> tuple[TokenNetwork, list[Clip]]:
    """One of the networks of RULES and clips whose labels it predicts."""
    rule = RULES[name]
    shown = known_network(Rule(name, cells=rule.cells, labels=1.0), seed, clips, canvas).clips
    return token_network(rule, seed, canvas), list(shown)


def token_answers(
    seeds: Sequence[int] = (0, 1, 2),
    *,
    renderer: str = "",
    heads: int = 4,
    networks: int = 4,
    judged: Callable[[], None] = lambda: None,
) -> list[dict]:
    """Whether the verdict is right on networks with token attention: one entry per network and seed, as of the five known answers.

    `expected` holds the questions that the construction answers; right where all of these are. renderer: whose faces the clips show.
    `judged` is called after each.
    """
    rows = []
    for name, rule in RULES.items():
        for seed in seeds:
            model, clips = token_case(name, seed, canvas=canvas_of(renderer))
            answers = said(verdict(model, clips, attention=model.attention, seed=seed, heads=heads, networks=networks))
            right = all(answers[question] == answer for question, answer in rule.expected.items())
            rows.append({"model": f"tokens: {name}", "seed": seed, **answers, "expected": dict(rule.expected), "right": right})
            judged()
    return rows
