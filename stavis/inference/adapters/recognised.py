"""All adapters that are tried on a network that is handed in. A new one is one more name here."""

from torch import nn

from stavis.inference.adapters.families import Adapter, Family
from stavis.inference.adapters.timm_image import timm_image
from stavis.inference.adapters.torchvision_video import torchvision_video
from stavis.inference.adapters.transformers_image import transformers_image
from stavis.inference.adapters.transformers_video import transformers_video

ADAPTERS: tuple[Adapter, ...] = (transformers_video, transformers_image, timm_image, torchvision_video)


def family_of(model: nn.Module) -> Family | None:
    """What is known of a network by its class; None where no adapter knows it."""
    return next((found for adapter in ADAPTERS if (found := adapter(model)) is not None), None)
