"""Where a result comes from."""

import pytest

from stavis.provenance import command_line, provenance


@pytest.mark.parametrize(
    "words, told",
    [
        (
            ["/opt/venv/bin/stavis", "explain", "runs/a", "/home/ann/my clip.mp4", "--out=/home/ann/x"],
            "stavis explain runs/a 'my clip.mp4' --out=x",
        ),
        (["./stavis", "demo"], "stavis demo"),
        (["/opt/stavis/cli/__main__.py", "demo"], "stavis demo"),
        (["/usr/lib/ipykernel_launcher.py", "-f", "/run/user/kernel.json"], "notebook"),
        ([], ""),
    ],
)
def test_the_command_is_told_without_folders(words, told):
    assert command_line(words) == told


def test_facts_come_first_and_what_is_not_known_is_left_out():
    told = provenance(weights_sha256="ab", data_hash=None)
    assert next(iter(told)) == "weights sha256" and "data hash" not in told and told["torch"][0].isdigit()
