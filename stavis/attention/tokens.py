"""Which weights of a transformer are its attention: the modules that compute them, their layout, and what is made of them."""

from dataclasses import dataclass, replace

from stavis.errors import StavisError, offer

KINDS = ("raw", "rollout", "relevance")


@dataclass(frozen=True)
class TokenAttention:
    """Where a network's attention is and how it becomes one map per frame.

    paths: the modules that give it, first layer to last; layout: of each one's weights; temporal: for divided space-time attention the
    modules of the attention among frames. kind: "raw" (one layer), "rollout" (all of them) or "relevance" (all, weighted by the
    gradient). layer: which one of raw attention; head: which one, None for their mean. target: the output that relevance is of, '' for
    the highest of each clip. output_head: the module that makes outputs of features, '' for all that the attention does not depend on.
    """

    paths: tuple[str, ...]
    layout: str | None = None
    temporal: tuple[str, ...] = ()
    kind: str = "raw"
    layer: int = -1
    head: int | None = None
    target: str = ""
    output_head: str = ""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise StavisError(f"attention maps have no kind {self.kind!r}: {offer(self.kind, KINDS)}")
        if not -len(self.paths) <= self.layer < len(self.paths):
            raise StavisError(f"layer {self.layer} is none of the {len(self.paths)} layers: choose one from 0 to {len(self.paths) - 1}.")
        if self.layout is None and (self.kind != "raw" or self.head is not None):
            raise StavisError(f"{self.kind} maps of tokens need layout=: name the axes, such as 'b heads (t h w) (t h w)'.")

    @property
    def path(self) -> str:
        """The module of the chosen layer."""
        return self.paths[self.layer]

    @property
    def has_heads(self) -> bool:
        """Whether the layout names weights of heads, queries and keys, as those of a transformer."""
        return self.layout is not None and "heads" in self.layout

    @property
    def text(self) -> str:
        """What the maps show, in a sentence."""
        heads = "the mean over the heads" if self.head is None else f"head {self.head}"
        if self.kind == "raw":
            number = self.layer % len(self.paths) + 1
            return f"The attention is that of layer {number} of {len(self.paths)}, {heads}." if len(self.paths) > 1 else ""
        how = "attention rollout"
        if self.kind == "relevance":
            how = f"gradient-weighted relevance for {self.target or 'the highest output of each clip'}"
        return f"The attention is {how} over {len(self.paths)} layers."

    def under(self, prefix: str) -> "TokenAttention":
        """The same in a module that holds the network at the dotted path `prefix`."""
        inside = lambda paths: tuple(f"{prefix}.{path}".rstrip(".") for path in paths)  # noqa: E731
        head = f"{prefix}.{self.output_head}" if self.output_head else ""
        return replace(self, paths=inside(self.paths), temporal=inside(self.temporal), output_head=head)
