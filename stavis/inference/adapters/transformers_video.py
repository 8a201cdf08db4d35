"""VideoMAE, TimeSformer and ViViT of the library transformers."""

from torch import nn

from stavis.inference.adapters.families import (
    HALF,
    IMAGENET,
    LARGER,
    Family,
    is_classifier,
    is_from,
    kind_of_classes,
    labels_of,
    paths_of_class,
    pixel_values,
)


def transformers_video(model: nn.Module) -> Family | None:
    """What is known of a video network of transformers."""
    for name, adapter in (("videomae", _videomae), ("timesformer", _timesformer), ("vivit", _vivit)):
        if is_from(model, f"transformers.models.{name}"):
            return adapter(model)
    return None


def _family(model: nn.Module, rate: float, **known) -> Family:
    size, frames = model.config.image_size, model.config.num_frames
    size = size if isinstance(size, int) else size[0]
    shown = {"labels": labels_of(model), "classes": kind_of_classes(model)} if is_classifier(model) else {}
    return Family(pixel_values, frames, size, rate, assumed=("rate", "normalise"), **shown, **known)


def _videomae(model: nn.Module) -> Family:
    config = model.config
    grid = config.image_size // config.patch_size
    layout = f"b heads (t h w) (t h w), t={config.num_frames // config.tubelet_size} h={grid} w={grid}"
    return _family(model, 7.5, normalise=IMAGENET, attention=paths_of_class(model, "VideoMAESelfAttention"), layout=layout)


def _timesformer(model: nn.Module) -> Family:
    config = model.config
    grid, kind = config.image_size // config.patch_size, config.attention_type
    layers = [f"{path}.attn_drop" for path in paths_of_class(model, "TimesformerSelfAttention")]
    temporal = tuple(path for path in layers if ".temporal_attention." in path)
    spatial = tuple(path for path in layers if path not in temporal)
    if kind == "joint_space_time":
        layout = f"b heads (1 + h w t) (1 + h w t), t={config.num_frames} h={grid} w={grid}"
    else:
        layout = f"(b t) heads (1 + h w) (1 + h w), h={grid} w={grid}"
    rate = 1.0
    return _family(model, rate, normalise=((0.45,) * 3, (0.225,) * 3), attention=spatial, temporal=temporal, layout=layout)


def _vivit(model: nn.Module) -> Family:
    config = model.config
    length, rows, columns = config.tubelet_size
    steps, height, width = config.num_frames // length, config.image_size // rows, config.image_size // columns
    layout = f"b heads (1 + t h w) (1 + t h w), t={steps} h={height} w={width}"
    paths = paths_of_class(model, "VivitSelfAttention", "VivitAttention")
    return _family(model, 12.5, normalise=HALF, attention=paths, layout=layout, framing=LARGER)
