"""ViT, DINOv2 and the vision half of CLIP of the library transformers, read frame by frame."""

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
    pixel_values_each,
)

CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
KNOWN = {
    "vit": (HALF, ("ViTSelfAttention", "ViTAttention")),
    "deit": (IMAGENET, ("DeiTSelfAttention", "DeiTAttention")),
    "dinov2": (IMAGENET, ("Dinov2SelfAttention", "Dinov2Attention")),
    "dinov2_with_registers": (IMAGENET, ("Dinov2WithRegistersSelfAttention", "Dinov2WithRegistersAttention")),
    "clip": (CLIP, ("CLIPAttention",)),
}
"""Of each family the normalisation of its published weights, and the class of the modules that give attention weights."""
FRAMINGS = {"vit": "resize", "deit": LARGER, "dinov2": LARGER, "dinov2_with_registers": LARGER}
"""How their published preprocessing makes square images, where it does not cut out the centre."""
DISTILLED = 2  # DeiT has a second extra token


def transformers_image(model: nn.Module) -> Family | None:
    """What is known of an image network of transformers."""
    name = next((one for one in KNOWN if is_from(model, f"transformers.models.{one}")), None)
    if name is None:
        return None
    normalise, classes = KNOWN[name]
    config = getattr(model.config, "vision_config", None) or model.config
    size = config.image_size if isinstance(config.image_size, int) else config.image_size[0]
    extra = DISTILLED if name == "deit" else 1 + (getattr(config, "num_register_tokens", 0) or 0)
    grid = size // config.patch_size
    shown = {"labels": labels_of(model), "classes": kind_of_classes(model)} if is_classifier(model) else {}
    return Family(
        pixel_values_each,
        size=size,
        normalise=normalise,
        attention=paths_of_class(model, *classes),
        layout=f"(b t) heads ({extra} + h w) ({extra} + h w), h={grid} w={grid}",
        framing=FRAMINGS.get(name, "center_crop"),
        assumed=("normalise",),
        **shown,
    )
