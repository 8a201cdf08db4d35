"""Video networks of torchvision (r3d_18, mc3_18, r2plus1d_18, s3d, mvit, swin3d): volumes (B,3,T,H,W), classes of Kinetics-400."""

from torch import nn

from stavis.inference.adapters.families import IMAGENET, Family, colours_first, is_from

KINETICS = ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989))
KNOWN = {
    "VideoResNet": (112, KINETICS),
    "S3D": (224, KINETICS),
    "MViT": (224, ((0.45,) * 3, (0.225,) * 3)),
    "SwinTransformer3d": (224, IMAGENET),
}
"""Side in px and normalisation of the published weights, by class."""
RATE, FRAMES = 15.0, 16


def torchvision_video(model: nn.Module) -> Family | None:
    """What is known of a video network of torchvision."""
    if not is_from(model, "torchvision.models.video"):
        return None
    size, normalise = next(
        (known for kind in type(model).__mro__ for name, known in KNOWN.items() if kind.__name__ == name), (112, KINETICS)
    )
    last = next((module for module in reversed(list(model.modules())) if isinstance(module, nn.Linear | nn.Conv3d)), None)
    count = getattr(last, "out_features", None) or getattr(last, "out_channels", 1)
    return Family(
        colours_first,
        FRAMES,
        size,
        RATE,
        normalise,
        labels=tuple(f"class {i}" for i in range(count) if count > 1),
        classes="softmax" if count > 1 else "",
        assumed=("frames", "rate", "normalise"),
    )
