"""Image networks with the class and module names of timm's, written anew, so that their adapter is tested where timm is not installed.

An adapter knows networks of timm by the Python module of their class: these name it. Weights are random.
"""

import torch
from torch import nn
from torch.nn import functional

MODULES = ("timm.models.vision_transformer", "timm.models.convnext")
MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


class PatchEmbed(nn.Module):
    """Images (N,3,H,W) to tokens."""

    def __init__(self, size: int, patch: int, width: int):
        super().__init__()
        self.img_size, self.patch_size, self.grid_size = (size, size), (patch, patch), (size // patch, size // patch)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.proj, self.norm = nn.Conv2d(3, width, patch, patch), nn.Identity()

    def forward(self, x):
        return self.norm(self.proj(x).flatten(2).transpose(1, 2))


class Attention(nn.Module):
    """Attention of which the weights pass through `attn_drop`, unless it is fused."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.num_heads, self.head_dim, self.scale, self.fused_attn = heads, width // heads, (width // heads) ** -0.5, True
        self.qkv, self.q_norm, self.k_norm = nn.Linear(width, 3 * width), nn.Identity(), nn.Identity()
        self.attn_drop, self.proj, self.proj_drop = nn.Dropout(0.0), nn.Linear(width, width), nn.Dropout(0.0)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, self.num_heads, self.head_dim)).permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q), self.k_norm(k)
        if self.fused_attn:
            x = functional.scaled_dot_product_attention(q, k, v, dropout_p=self.attn_drop.p if self.training else 0.0)
        else:
            attention = self.attn_drop((q * self.scale @ k.transpose(-2, -1)).softmax(dim=-1))
            x = attention @ v
        return self.proj_drop(self.proj(x.transpose(1, 2).flatten(2)))


class Mlp(nn.Module):
    """Two layers and what stands between them."""

    def __init__(self, width: int):
        super().__init__()
        self.fc1, self.act, self.drop1, self.norm = nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.0), nn.Identity()
        self.fc2, self.drop2 = nn.Linear(4 * width, width), nn.Dropout(0.0)

    def forward(self, x):
        return self.drop2(self.fc2(self.norm(self.drop1(self.act(self.fc1(x))))))


class Block(nn.Module):
    """Attention and a small network, each beside a shortcut."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.attn, self.ls1, self.drop_path1 = nn.LayerNorm(width), Attention(width, heads), nn.Identity(), nn.Identity()
        self.norm2, self.mlp, self.ls2, self.drop_path2 = nn.LayerNorm(width), Mlp(width), nn.Identity(), nn.Identity()

    def forward(self, x):
        x = x + self.drop_path1(self.ls1(self.attn(self.norm1(x))))
        return x + self.drop_path2(self.ls2(self.mlp(self.norm2(x))))


class VisionTransformer(nn.Module):
    """vit: the class token is classified."""

    __module__ = MODULES[0]

    def __init__(self, size: int = 224, patch: int = 16, width: int = 768, depth: int = 12, heads: int = 12, classes: int = 1000):
        super().__init__()
        self.num_classes, self.num_prefix_tokens, self.global_pool = classes, 1, "token"
        self.pretrained_cfg = {"mean": MEAN, "std": STD, "input_size": (3, size, size)}
        self.patch_embed = PatchEmbed(size, patch, width)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + self.patch_embed.num_patches, width))
        self.pos_drop, self.patch_drop, self.norm_pre = nn.Dropout(0.0), nn.Identity(), nn.Identity()
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.fc_norm, self.head_drop = nn.LayerNorm(width), nn.Identity(), nn.Dropout(0.0)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed(x)
        x = self.pos_drop(torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed)
        x = self.norm(self.blocks(self.norm_pre(self.patch_drop(x))))
        return self.head(self.head_drop(self.fc_norm(x[:, 0])))


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of (N,C,H,W)."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """A convolution of each channel and a small network, beside a shortcut."""

    def __init__(self, width: int):
        super().__init__()
        self.conv_dw, self.norm = nn.Conv2d(width, width, 7, 1, 3, groups=width), nn.LayerNorm(width)
        self.mlp, self.gamma, self.drop_path = Mlp(width), nn.Parameter(torch.full((width,), 0.1)), nn.Identity()

    def forward(self, x):
        inner = self.mlp(self.norm(self.conv_dw(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        return x + self.drop_path(inner * self.gamma.view(1, -1, 1, 1))


class ConvNeXtStage(nn.Module):
    """Blocks on a coarser grid."""

    def __init__(self, before: int, width: int, depth: int, stride: int):
        super().__init__()
        self.downsample = nn.Sequential(LayerNorm2d(before), nn.Conv2d(before, width, stride, stride)) if stride > 1 else nn.Identity()
        self.blocks = nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth)))

    def forward(self, x):
        return self.blocks(self.downsample(x))


class ClassifierHead(nn.Module):
    """The mean of the grid, normalised and classified."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.global_pool, self.norm, self.flatten = nn.AdaptiveAvgPool2d(1), LayerNorm2d(width), nn.Flatten(1)
        self.drop, self.fc = nn.Dropout(0.0), nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.drop(self.flatten(self.norm(self.global_pool(x)))))


class ConvNeXt(nn.Module):
    """convnext: a CNN with the shape of a transformer."""

    __module__ = MODULES[1]

    def __init__(self, depths=(3, 3, 9, 3), widths=(96, 192, 384, 768), classes: int = 1000):
        super().__init__()
        self.num_classes = classes
        self.pretrained_cfg = {"mean": MEAN, "std": STD, "input_size": (3, 224, 224)}
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), LayerNorm2d(widths[0]))
        before = (widths[0], *widths)
        stages = (ConvNeXtStage(before[i], width, depths[i], 1 if i == 0 else 2) for i, width in enumerate(widths))
        self.stages, self.norm_pre = nn.Sequential(*stages), nn.Identity()
        self.head = ClassifierHead(widths[-1], classes)

    def forward(self, x):
        return self.head(self.norm_pre(self.stages(self.stem(x))))
