"""Networks for images of the library timm, read frame by frame: with attention where their blocks give its weights (ViT and its kin)."""

from torch import nn

from stavis.inference.adapters.families import Family, each_frame, is_from

FRAMINGS = {"squash": "resize", "border": "letterbox"}
"""What stavis calls the crop_mode of timm, where it is not "center"."""
USUAL = 0.875  # the crop_pct of timm where a network names none


def timm_image(model: nn.Module) -> Family | None:
    """What is known of a network of timm."""
    if not is_from(model, "timm.models"):
        return None
    known = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None) or {}
    names = known.get("label_names") or ()
    count = getattr(model, "num_classes", 0)
    grid = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    size = grid[0] * model.patch_embed.patch_size[0] if grid else (known.get("input_size") or (3, 224, 224))[1]
    ends = ".attn.attn_drop"  # what such a block's attention is known by: its weights are seen inside, fused or not
    paths = tuple(
        path.removesuffix(".attn_drop") for path, _ in model.named_modules() if path.startswith("blocks.") and path.endswith(ends)
    )
    extra = getattr(model, "num_prefix_tokens", 0)
    tokens = f"({extra} + h w)" if extra else "(h w)"
    attends = bool(grid and paths)
    return Family(
        each_frame,
        size=size,
        normalise=(tuple(known["mean"]), tuple(known["std"])) if "mean" in known and "std" in known else None,
        labels=tuple(str(one) for one in names) or tuple(f"class {i}" for i in range(count) if count > 1),
        classes="softmax" if count > 1 else "",
        framing=_framing(known),
        attention=paths if attends else (),
        layout=f"(b t) heads {tokens} {tokens}, h={grid[0]} w={grid[1]}" if attends else None,
    )


def _framing(known: dict) -> str:
    """How timm's own transforms make the images that its weights are evaluated with."""
    name, kept = FRAMINGS.get(known.get("crop_mode"), "center_crop"), known.get("crop_pct") or USUAL
    return name if kept >= 1 or name == "letterbox" else f"{name}:{kept:g}"
