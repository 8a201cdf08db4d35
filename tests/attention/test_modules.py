"""The two modules that hold a network's attention."""

import pytest
import torch

from stavis.attention.modules import AttentionProduct, SpatialSoftmax


@pytest.mark.parametrize("normalisation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_the_weights_of_a_frame_sum_to_one_in_every_precision(normalisation, dtype):
    scores = torch.randn(2, 3, 14, 14, generator=torch.Generator().manual_seed(0)).to(dtype)
    sums = SpatialSoftmax(normalisation=normalisation)(scores).sum((2, 3))
    assert sums.dtype != dtype or dtype.itemsize >= 4
    assert (sums - 1).abs().max() < 1e-5


def test_the_product_keeps_the_features_precision_and_uniform_attention_changes_nothing():
    features = torch.randn(2, 5, 3, 4, 4, dtype=torch.bfloat16)
    product = AttentionProduct()(features, torch.full((2, 3, 4, 4), 1 / 16))
    assert product.dtype == torch.bfloat16 and torch.equal(product, features)
