"""Video networks with the class and module names of torchvision's, written anew, so that adapters are tested where it is not installed.

Widths and depths are arguments: tiny ones for tests, the published ones for the table of families. Weights are random.
"""

from itertools import product

import torch
from torch import nn
from torch.nn import functional


class BasicBlock(nn.Module):
    """Two 3D convolutions beside a shortcut."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        first = nn.Conv3d(before, width, 3, stride, 1, bias=False)
        self.conv1 = nn.Sequential(first, nn.BatchNorm3d(width), nn.ReLU(inplace=True))
        self.conv2 = nn.Sequential(nn.Conv3d(width, width, 3, 1, 1, bias=False), nn.BatchNorm3d(width))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv3d(before, width, 1, stride, bias=False), nn.BatchNorm3d(width))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.conv2(self.conv1(x))
        out += shortcut
        return self.relu(out)


class VideoResNet(nn.Module):
    """r3d_18: volumes (B,3,T,H,W) to one vector of classes."""

    def __init__(self, widths=(64, 128, 256, 512), classes: int = 400, blocks: int = 2):
        super().__init__()
        first = nn.Conv3d(3, widths[0], (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False)
        self.stem = nn.Sequential(first, nn.BatchNorm3d(widths[0]), nn.ReLU(inplace=True))
        before = widths[0]
        for number, width in enumerate(widths, 1):
            strides = [1 if number == 1 else 2, *[1] * (blocks - 1)]
            layer = nn.Sequential(*(BasicBlock(before if not i else width, width, stride) for i, stride in enumerate(strides)))
            setattr(self, f"layer{number}", layer)
            before = width
        self.avgpool = nn.AdaptiveAvgPool3d((1, 1, 1))
        self.fc = nn.Linear(before, classes)

    def forward(self, x):
        for layer in (self.stem, self.layer1, self.layer2, self.layer3, self.layer4, self.avgpool):
            x = layer(x)
        return self.fc(x.flatten(1))


def conv(before: int, width: int, size, stride=1) -> nn.Sequential:
    """A convolution with its norm and activation."""
    size = (size,) * 3 if isinstance(size, int) else size
    padding = tuple((one - 1) // 2 for one in size)
    parts = nn.Conv3d(before, width, size, stride, padding, bias=False), nn.BatchNorm3d(width, eps=0.001), nn.ReLU(inplace=True)
    return nn.Sequential(*parts)


class TemporalSeparableConv(nn.Sequential):
    """Over space, then over time."""

    def __init__(self, before: int, width: int, size: int, stride: int = 1):
        super().__init__(conv(before, width, (1, size, size), (1, stride, stride)), conv(width, width, (size, 1, 1), (stride, 1, 1)))


class SepInceptionBlock3D(nn.Module):
    """Four branches side by side."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.branch0 = conv(before, width, 1)
        self.branch1 = nn.Sequential(conv(before, width, 1), TemporalSeparableConv(width, width, 3))
        self.branch2 = nn.Sequential(conv(before, width, 1), TemporalSeparableConv(width, width, 3))
        self.branch3 = nn.Sequential(nn.MaxPool3d(3, 1, 1), conv(before, width, 1))

    def forward(self, x):
        return torch.cat([branch(x) for branch in (self.branch0, self.branch1, self.branch2, self.branch3)], 1)


class S3D(nn.Module):
    """s3d: a classifier that is a convolution, whose logits are averaged."""

    def __init__(self, width: int = 64, blocks=(2, 5, 2), classes: int = 400, pool=(2, 7, 7)):
        super().__init__()
        parts = [TemporalSeparableConv(3, width, 7, 2), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)), conv(width, width, 1)]
        parts += [TemporalSeparableConv(width, 3 * width, 3), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))]
        before = 3 * width
        for number, count in enumerate(blocks):
            for i in range(count):
                branch = width * (number + 1) if i < count - 1 or number < len(blocks) - 1 else 4 * width
                parts.append(SepInceptionBlock3D(before, branch))
                before = 4 * branch
            if number < len(blocks) - 1:
                parts.append(nn.MaxPool3d((3, 3, 3) if number == 0 else (2, 2, 2), 2, 1 if number == 0 else 0))
        self.features = nn.Sequential(*parts)
        self.avgpool = nn.AvgPool3d(pool, 1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Conv3d(before, classes, 1))

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x))).mean((2, 3, 4))


class Pool(nn.Module):
    """Pools the tokens of a grid by a convolution of each channel; the class token stays."""

    def __init__(self, width: int, stride):
        super().__init__()
        self.pool = nn.Conv3d(width, width, 3, stride, 1, groups=width, bias=False)
        self.norm_act = nn.Sequential(nn.LayerNorm(width))

    def forward(self, x, thw):
        token, rest = x[:, :, :1], x[:, :, 1:]
        batch, heads = rest.shape[:2]
        rest = self.pool(rest.flatten(0, 1).transpose(1, 2).unflatten(2, thw))
        thw = tuple(rest.shape[2:])
        rest = rest.flatten(2).transpose(1, 2).unflatten(0, (batch, heads))
        return self.norm_act(torch.cat([token, rest], 2)), thw


class MultiscaleAttention(nn.Module):
    """Attention among pooled tokens, with the pooled queries added to what comes out."""

    def __init__(self, before: int, width: int, heads: int, stride_q, stride_kv):
        super().__init__()
        self.num_heads, self.scaler = heads, (width // heads) ** -0.5
        self.qkv, self.project = nn.Linear(before, 3 * width), nn.Sequential(nn.Linear(width, width), nn.Dropout(0.0))
        self.pool_q, self.pool_k, self.pool_v = (Pool(width // heads, stride) for stride in (stride_q, stride_kv, stride_kv))

    def forward(self, x, thw):
        q, k, v = self.qkv(x).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        k, _ = self.pool_k(k, thw)
        v, _ = self.pool_v(v, thw)
        q, thw = self.pool_q(q, thw)
        attention = torch.matmul(self.scaler * q, k.transpose(2, 3)).softmax(dim=-1)
        x = torch.matmul(attention, v) + q
        return self.project(x.transpose(1, 2).flatten(2)), thw


class MultiscaleBlock(nn.Module):
    """Attention and a small network, each beside a shortcut."""

    def __init__(self, before: int, width: int, heads: int, stride_q, stride_kv):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(before), nn.LayerNorm(width)
        self.pool_skip = nn.MaxPool3d([one + 1 if one > 1 else 1 for one in stride_q], stride_q, [one // 2 for one in stride_q])
        self.attn = MultiscaleAttention(before, width, heads, stride_q, stride_kv)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * width, width), nn.Dropout(0.0))
        self.project = nn.Linear(before, width) if before != width else None

    def forward(self, x, thw):
        normed = self.norm1(x)
        attended, after = self.attn(normed, thw)
        x = x if self.project is None else self.project(normed)
        rest = self.pool_skip(x[:, 1:].transpose(1, 2).unflatten(2, thw)).flatten(2).transpose(1, 2)
        x = torch.cat([x[:, :1], rest], 1) + attended
        return x + self.mlp(self.norm2(x)), after


class PositionalEncoding(nn.Module):
    """A class token, and where each token is."""

    def __init__(self, width: int, spatial: int, temporal: int):
        super().__init__()
        self.spatial_size, self.temporal_size = (spatial, spatial), temporal
        self.class_token = nn.Parameter(torch.zeros(width))
        self.spatial_pos = nn.Parameter(0.02 * torch.randn(spatial**2, width))
        self.temporal_pos = nn.Parameter(0.02 * torch.randn(temporal, width))
        self.class_pos = nn.Parameter(0.02 * torch.randn(width))

    def forward(self, x):
        where = (self.temporal_pos[:, None] + self.spatial_pos).flatten(0, 1)
        token = (self.class_token + self.class_pos).expand(len(x), 1, -1)
        return torch.cat([token, x + where], 1)


class MViT(nn.Module):
    """mvit: tokens of 2 frames, whose grid grows coarser while they widen; the class token is classified."""

    def __init__(self, size=224, frames=16, width=96, heads=1, depth=16, halved=(1, 3, 14), classes: int = 400, kv: int = 8):
        super().__init__()
        self.conv_proj = nn.Conv3d(3, width, (3, 7, 7), (2, 4, 4), (1, 3, 3))
        self.pos_encoding = PositionalEncoding(width, size // 4, frames // 2)
        blocks = []
        for number in range(depth):
            before, step = width, 2 if number in halved else 1
            width, heads, kv = width * step, heads * step, max(1, kv // step)
            blocks.append(MultiscaleBlock(before, width, heads, (1, step, step), (1, kv, kv)))
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.head = nn.LayerNorm(width), nn.Sequential(nn.Dropout(0.5, inplace=True), nn.Linear(width, classes))

    def forward(self, x):
        x = self.conv_proj(x)
        thw = tuple(x.shape[2:])
        x = self.pos_encoding(x.flatten(2).transpose(1, 2))
        for block in self.blocks:
            x, thw = block(x, thw)
        return self.head(self.norm(x)[:, 0])


class ShiftedWindowAttention3d(nn.Module):
    """Attention within windows of tokens (B,T,H,W,C), shifted by half a window in every second block."""

    def __init__(self, width: int, heads: int, window, shift):
        super().__init__()
        self.num_heads, self.window_size, self.shift_size = heads, window, shift
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        count = 1
        for one in window:
            count *= 2 * one - 1
        self.relative_position_bias_table = nn.Parameter(0.02 * torch.randn(count, heads))
        places = torch.tensor(list(product(*(range(one) for one in window))))
        apart = places[:, None] - places[None] + torch.tensor([one - 1 for one in window])
        index = (apart[..., 0] * (2 * window[1] - 1) + apart[..., 1]) * (2 * window[2] - 1) + apart[..., 2]
        self.register_buffer("relative_position_index", index)

    def forward(self, x):
        batch, *sizes, width = x.shape
        missing = [-size % one for size, one in zip(sizes, self.window_size, strict=True)]
        x = functional.pad(x, (0, 0, 0, missing[2], 0, missing[1], 0, missing[0]))
        shift = [0 if size <= one else by for size, one, by in zip(sizes, self.window_size, self.shift_size, strict=True)]
        x = torch.roll(x, [-one for one in shift], (1, 2, 3))
        padded = x.shape[1:4]
        counts = [size // one for size, one in zip(padded, self.window_size, strict=True)]
        shape = [batch, *(one for pair in zip(counts, self.window_size, strict=True) for one in pair), width]
        windows = x.view(shape).permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, len(self.relative_position_index), width)
        q, k, v = self.qkv(windows).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        attention = (q * q.shape[-1] ** -0.5).matmul(k.transpose(-2, -1))
        attention = attention + self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        out = functional.softmax(attention, dim=-1).matmul(v).transpose(1, 2).flatten(2)
        out = self.proj(out).view(batch, *counts, *self.window_size, width).permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(batch, *padded, width)
        out = torch.roll(out, shift, (1, 2, 3))
        return out[:, : sizes[0], : sizes[1], : sizes[2]].contiguous()


class SwinTransformerBlock(nn.Module):
    """Attention and a small network, each beside a shortcut."""

    def __init__(self, width: int, heads: int, window, shift):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, eps=1e-5), ShiftedWindowAttention3d(width, heads, window, shift)
        self.norm2 = nn.LayerNorm(width, eps=1e-5)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * width, width), nn.Dropout(0.0))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchMerging(nn.Module):
    """Four neighbours become one token of twice the width."""

    def __init__(self, width: int):
        super().__init__()
        self.reduction, self.norm = nn.Linear(4 * width, 2 * width, bias=False), nn.LayerNorm(4 * width, eps=1e-5)

    def forward(self, x):
        x = functional.pad(x, (0, 0, 0, x.shape[3] % 2, 0, x.shape[2] % 2))
        parts = [x[:, :, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        return self.reduction(self.norm(torch.cat(parts, -1)))


class PatchEmbed3d(nn.Module):
    """Volumes (B,3,T,H,W) to tokens (B,T,H,W,C)."""

    def __init__(self, width: int, patch):
        super().__init__()
        self.proj, self.norm = nn.Conv3d(3, width, patch, patch), nn.LayerNorm(width)

    def forward(self, x):
        return self.norm(self.proj(x).permute(0, 2, 3, 4, 1))


class SwinTransformer3d(nn.Module):
    """swin3d: windows of 8 x 7 x 7 tokens of 2 frames."""

    def __init__(self, width: int = 96, depths=(2, 2, 6, 2), heads=(3, 6, 12, 24), window=(8, 7, 7), patch=(2, 4, 4), classes: int = 400):
        super().__init__()
        self.patch_embed, self.pos_drop = PatchEmbed3d(width, patch), nn.Dropout(0.0)
        layers: list[nn.Module] = []
        for number, depth in enumerate(depths):
            here = width * 2**number
            shifts = [tuple(0 if i % 2 == 0 else one // 2 for one in window) for i in range(depth)]
            layers.append(nn.Sequential(*(SwinTransformerBlock(here, heads[number], window, shift) for shift in shifts)))
            if number < len(depths) - 1:
                layers.append(PatchMerging(here))
        self.features = nn.Sequential(*layers)
        last = width * 2 ** (len(depths) - 1)
        self.norm, self.avgpool, self.head = nn.LayerNorm(last), nn.AdaptiveAvgPool3d(1), nn.Linear(last, classes)

    def forward(self, x):
        x = self.norm(self.features(self.pos_drop(self.patch_embed(x))))
        return self.head(self.avgpool(x.permute(0, 4, 1, 2, 3)).flatten(1))
