"""Tiny networks with random weights, one of each family; the libraries are imported only where they are installed."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.inference.adapters import timm_like, torchvision_like

FRAMES = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
TIMES = np.arange(4) / 5.0
SHAPE = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
IMAGES = {"image_size": 32, "patch_size": 8, **SHAPE}
NAMES = {"num_labels": 3, "id2label": {0: "smile", 1: "frown", 2: "neutral"}}


def videomae() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    config = transformers.VideoMAEConfig(**IMAGES, **NAMES, num_frames=4, tubelet_size=2)
    return transformers.VideoMAEForVideoClassification(config)


def timesformer() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    return transformers.TimesformerForVideoClassification(transformers.TimesformerConfig(**IMAGES, **NAMES, num_frames=4))


def vivit() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    config = transformers.VivitConfig(image_size=32, num_frames=4, tubelet_size=[2, 8, 8], **SHAPE, **NAMES)
    return transformers.VivitForVideoClassification(config)


def vit() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    return transformers.ViTForImageClassification(transformers.ViTConfig(**IMAGES, **NAMES))


def dinov2() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    shape = {name: value for name, value in IMAGES.items() if name != "intermediate_size"}
    return transformers.Dinov2ForImageClassification(transformers.Dinov2Config(**shape, **NAMES))


def clip_vision() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    config = transformers.CLIPConfig(vision_config={**IMAGES, "projection_dim": 8}, text_config={}, projection_dim=8, **NAMES)
    return transformers.CLIPForImageClassification(config)


def timm_vit() -> nn.Module:
    timm = pytest.importorskip("timm")
    return timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=2, num_classes=3)


def timm_convnext() -> nn.Module:
    timm = pytest.importorskip("timm")
    return timm.create_model("convnext_atto", depths=(1, 1, 1, 1), dims=(8, 8, 8, 8), num_classes=3)


def timm_like_vit() -> nn.Module:
    return timm_like.VisionTransformer(size=32, patch=8, width=24, depth=2, heads=2, classes=3)


def timm_like_convnext() -> nn.Module:
    return timm_like.ConvNeXt(depths=(1, 1, 1, 1), widths=(8, 8, 8, 8), classes=3)


def r3d() -> nn.Module:
    return torchvision_like.VideoResNet(widths=(4, 4, 8, 8), classes=3, blocks=1)


def s3d() -> nn.Module:
    return torchvision_like.S3D(width=4, blocks=(1, 1), classes=3, pool=(1, 1, 1))


def mvit() -> nn.Module:
    return torchvision_like.MViT(size=32, frames=4, width=4, heads=2, depth=3, halved=(0, 1), classes=3, kv=4)


def swin3d() -> nn.Module:
    return torchvision_like.SwinTransformer3d(width=8, depths=(2, 2), heads=(2, 2), window=(2, 4, 4), classes=3)


class Volume(nn.Module):
    """A 3D-CNN for (B,3,T,H,W) as those of torchvision: one vector of classes a clip."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(3, 4, 3, 2, 1), nn.BatchNorm3d(4), nn.ReLU())
        self.fc = nn.Linear(4, 3)

    def forward(self, volumes):
        return self.fc(self.stem(volumes).mean((2, 3, 4)))


class Recurrent(nn.Module):
    """A CNN looped over the frames and an LSTM; valence and arousal for each frame."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU())
        self.lstm, self.head = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 2)

    def forward(self, frames):
        features = torch.stack([self.cnn(frame).mean((2, 3)) for frame in frames.unbind(1)], 1)
        return self.head(self.lstm(features)[0])


class FramesTransformer(nn.Module):
    """A CNN folded over the frames and a transformer over time."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU())
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, frames):
        features = self.cnn(frames.flatten(0, 1)).mean((2, 3)).unflatten(0, frames.shape[:2])
        return self.head(self.encoder(features))


class OwnMap(nn.Module):
    """An image network with an attention map of its own, as EmoNet has one: a dictionary of heads for (N,3,H,W)."""

    def __init__(self):
        super().__init__()
        self.features, self.scores = nn.Conv2d(3, 4, 8, 8), nn.Conv2d(4, 1, 1)
        self.weights, self.valence, self.expression = nn.Softmax(2), nn.Linear(4, 1), nn.Linear(4, 3)

    def forward(self, images):
        features = self.features(images)
        weights = self.weights(self.scores(features).flatten(2))
        pooled = (features.flatten(2) * weights).sum(2)
        return {"valence": self.valence(pooled), "expression": self.expression(pooled)}


def volume() -> nn.Module:
    return Volume()


def recurrent() -> nn.Module:
    return Recurrent()


def frames_transformer() -> nn.Module:
    return FramesTransformer()


def own_map() -> nn.Module:
    return OwnMap()


SMALL = {"size": 32, "rate": 5.0}
FAMILIES = {
    "VideoMAE": (videomae, {"rate": 5.0}),
    "TimeSformer": (timesformer, {"rate": 5.0}),
    "ViViT": (vivit, {"rate": 5.0}),
    "ViT": (vit, {"rate": 5.0}),
    "DINOv2": (dinov2, {"rate": 5.0}),
    "CLIP": (clip_vision, {"rate": 5.0}),
    "timm ViT": (timm_vit, {"rate": 5.0}),
    "timm ConvNeXt": (timm_convnext, SMALL),
    "timm ViT, written anew": (timm_like_vit, {"rate": 5.0}),
    "timm ConvNeXt, written anew": (timm_like_convnext, SMALL),
    "r3d": (r3d, {**SMALL, "frames": 4}),
    "s3d": (s3d, {**SMALL, "frames": 4}),
    "mvit": (mvit, {"rate": 5.0}),
    "swin3d": (swin3d, {**SMALL, "frames": 4}),
    "3D-CNN": (volume, {**SMALL, "frames": 4, "outputs": ("smile", "frown", "neutral"), "classes": "softmax"}),
    "CNN+LSTM": (recurrent, {**SMALL, "outputs": ("valence", "arousal")}),
    "CNN+Transformer": (frames_transformer, SMALL),
    "own map": (own_map, {**SMALL, "attention": "weights", "layout": "(b t) 1 (h w)"}),
}
"""Of each family how its network is made, and what a user says of it."""
ATTENDING = ("VideoMAE", "TimeSformer", "ViViT", "ViT", "DINOv2", "CLIP", "timm ViT", "timm ViT, written anew", "mvit", "own map")
VOLUMES = ("r3d", "s3d", "mvit", "swin3d", "3D-CNN")
CLASSES = ("VideoMAE", "TimeSformer", "ViViT", "ViT", "DINOv2", "CLIP", *VOLUMES)
CLASSES += tuple(name for name in FAMILIES if name.startswith("timm"))
