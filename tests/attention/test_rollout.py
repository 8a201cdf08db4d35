"""Rollout and relevance against the product of whole matrices, written out."""

import numpy as np
import pytest
import torch

from stavis.attention.rollout import divided_relevance, divided_rollout, positive_part, relevance, rollout, start_row

RANDOM = np.random.default_rng(0)


def weights(*shape: int) -> torch.Tensor:
    return torch.from_numpy(RANDOM.random(shape)).softmax(-1)


@pytest.mark.parametrize("class_token", [True, False])
def test_rollout_is_the_product_of_all_layers(class_token):
    layers = [weights(2, 3, 5, 5) for _ in range(4)]
    joint = torch.eye(5, dtype=torch.float64).repeat(2, 1, 1)
    for layer in layers:
        joint = (0.5 * layer.mean(1) + 0.5 * torch.eye(5)) @ joint
    expected = joint[:, 0] if class_token else joint.mean(1)
    found = rollout(layers, start_row(5, layers[0], class_token=class_token))
    assert torch.allclose(found, expected, atol=1e-12)
    assert torch.allclose(found.sum(1), torch.ones(2, dtype=torch.float64))


def test_relevance_is_the_sum_over_all_paths():
    layers, gradients = [weights(1, 2, 4, 4) for _ in range(3)], [torch.from_numpy(RANDOM.normal(size=(1, 2, 4, 4))) for _ in range(3)]
    joint = torch.eye(4, dtype=torch.float64)[None]
    for layer, gradient in zip(layers, gradients, strict=True):
        joint = joint + (gradient * layer).clamp(min=0).mean(1) @ joint
    added = [positive_part(*pair) for pair in zip(layers, gradients, strict=True)]
    found = relevance(added, start_row(4, layers[0], class_token=True))
    assert torch.allclose(found, (joint - torch.eye(4))[:, 0], atol=1e-12)
    assert (found >= 0).all()


def whole_matrices(space, time):
    """One layer's attention over time and over space as matrices over all tokens: the class token, then patch by patch all its frames.

    The rows of the class token's copies, one a frame, are added up.
    """
    frames, patches = space.shape[0], time.shape[0]
    tokens = 1 + frames * patches
    along, across = torch.zeros(tokens, tokens, dtype=torch.float64), torch.zeros(tokens, tokens, dtype=torch.float64)
    for p in range(patches):
        for t in range(frames):
            along[1 + p * frames + t, 1 + p * frames + torch.arange(frames)] = time[p, t]
    for t in range(frames):
        columns = torch.tensor([0, *(1 + p * frames + t for p in range(patches))])
        across[0, columns] += space[t, 0]
        for p in range(patches):
            across[1 + p * frames + t, columns] += space[t, 1 + p]
    return along, across


FRAMES, PATCHES, DEPTH = 3, 4, 2


def test_divided_attention_is_the_product_of_time_and_space():
    spatial = [weights(1, FRAMES, 1 + PATCHES, 1 + PATCHES) for _ in range(DEPTH)]
    temporal = [weights(1, PATCHES, FRAMES, FRAMES) for _ in range(DEPTH)]
    one = torch.eye(1 + FRAMES * PATCHES, dtype=torch.float64)
    joint = one
    for space, time in zip(spatial, temporal, strict=True):
        along, across = whole_matrices(space[0], time[0])
        along[0, 0] = 1
        across[0] /= FRAMES
        joint = (across + one) / 2 @ ((along + one) / 2) @ joint
    expected = joint[0, 1:].reshape(PATCHES, FRAMES).T
    assert torch.allclose(divided_rollout(spatial, temporal)[0], expected, atol=1e-12)


def test_divided_relevance_is_the_sum_over_all_paths_through_time_and_space():
    spatial = [weights(1, FRAMES, 1 + PATCHES, 1 + PATCHES) for _ in range(DEPTH)]
    temporal = [weights(1, PATCHES, FRAMES, FRAMES) for _ in range(DEPTH)]
    joint = torch.eye(1 + FRAMES * PATCHES, dtype=torch.float64)
    for space, time in zip(spatial, temporal, strict=True):
        along, across = whole_matrices(space[0], time[0])
        joint = joint + along @ joint
        joint = joint + across @ joint
    expected = joint[0, 1:].reshape(PATCHES, FRAMES).T
    assert torch.allclose(divided_relevance(spatial, temporal)[0], expected, atol=1e-12)
