"""Video networks of torchvision (r3d_18, mc3_18, r2plus1d_18, s3d, mvit, swin3d): volumes (B,3,T,H,W), classes of Kinetics-400.

They are known by the name of their class and the parts it holds, so that copies of them outside torchvision open too.
"""

from dataclasses import dataclass

from torch import nn

from stavis.inference.adapters.families import IMAGENET, LARGER, Family, colours_first, is_from

KINETICS = ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989))


@dataclass(frozen=True)
class Published:
    """Of a class the parts it is known by, and how its published weights are evaluated: frames/s, frames of a clip, side in px,
    normalisation and framing, as torchvision's metadata of the weights and their transforms say."""

    parts: tuple[str, ...]
    rate: float
    frames: int
    size: int
    normalise: tuple
    framing: str


KNOWN = {
    # resized to 171 x 128 px, 112 x 112 of it
    "VideoResNet": Published(("stem", "layer1", "layer4", "avgpool", "fc"), 15.0, 16, 112, KINETICS, "resize:0.655x0.875"),
    # resized to 256 x 256 px, 224 x 224 of it
    "S3D": Published(("features", "avgpool", "classifier"), 15.0, 128, 224, KINETICS, "resize:0.875"),
    "MViT": Published(("conv_proj", "pos_encoding", "blocks", "norm", "head"), 7.5, 16, 224, ((0.45,) * 3, (0.225,) * 3), LARGER),
    "SwinTransformer3d": Published(("patch_embed", "features", "norm", "avgpool", "head"), 15.0, 32, 224, IMAGENET, LARGER),
}


def torchvision_video(model: nn.Module) -> Family | None:
    """What is known of a video network of torchvision, or of one that is made like it."""
    names = {kind.__name__ for kind in type(model).__mro__}
    known = next((one for name, one in KNOWN.items() if name in names and all(hasattr(model, part) for part in one.parts)), None)
    if known is None and not is_from(model, "torchvision.models.video"):
        return None
    known = known or KNOWN["VideoResNet"]
    size, frames = _of_positions(model) or (known.size, None)
    attention, layout = _of_last_block(model) if frames else ((), None)
    last = next((module for module in reversed(list(model.modules())) if isinstance(module, nn.Linear | nn.Conv3d)), None)
    count = getattr(last, "out_features", None) or getattr(last, "out_channels", 1)
    return Family(
        colours_first,
        frames or known.frames,
        size,
        known.rate,
        known.normalise,
        labels=tuple(f"class {i}" for i in range(count) if count > 1),
        classes="softmax" if count > 1 else "",
        attention=attention,
        layout=layout,
        assumed=("rate", "normalise") if frames else ("frames", "rate", "normalise"),
        framing=known.framing,
    )


def _of_positions(model: nn.Module) -> tuple[int, int] | None:
    """Side in px and frames of a clip that the positions of an MViT are made for; None for a network without."""
    positions, stem = getattr(model, "pos_encoding", None), getattr(model, "conv_proj", None)
    spatial, temporal = getattr(positions, "spatial_size", None), getattr(positions, "temporal_size", None)
    if spatial is None or temporal is None or not isinstance(stem, nn.Conv3d):
        return None
    return spatial[0] * stem.stride[1], temporal * stem.stride[0]


def _of_last_block(model: nn.Module) -> tuple[tuple[str, ...], str | None]:
    """Where the attention of an MViT's last block is, and the layout of its weights; () where its keys
    have another grid than its queries."""
    grid = [model.pos_encoding.temporal_size, *model.pos_encoding.spatial_size]
    for block in model.blocks:
        grid = [-(-size // step) for size, step in zip(grid, _stride(block, "pool_q"), strict=True)]
    if not len(model.blocks) or _stride(model.blocks[-1], "pool_k") != _stride(model.blocks[-1], "pool_q"):
        return (), None
    t, h, w = grid
    return (f"blocks.{len(model.blocks) - 1}.attn",), f"b heads (1 + t h w) (1 + t h w), t={t} h={h} w={w}"


def _stride(block: nn.Module, name: str) -> tuple[int, int, int]:
    """By how much a block pools its queries or keys."""
    pool = getattr(getattr(getattr(block, "attn", None), name, None), "pool", None)
    stride = getattr(pool, "stride", 1)
    return (stride,) * 3 if isinstance(stride, int) else tuple(stride)
