"""What a verdict is about: the network as it was loaded."""

import pytest

import stavis
from stavis.errors import StavisError


def test_a_mirrored_network_is_refused_with_the_way_out_before_the_work(tiny_run, tmp_path):
    net = stavis.load(tiny_run, device="cpu", mirror=True)
    with pytest.raises(StavisError, match=r"^tiny was loaded with mirror=True, .*: judge net\.mirrored\(False\), .*\.$"):
        net.verdict(tmp_path / "no data")
    with pytest.raises(StavisError, match="no data"):  # the way out is one: now the data are looked at
        net.mirrored(False).verdict(tmp_path / "no data", quiet=True)
