"""Colours are what they were: HDR charts come back as the SDR that they were made of, tagged charts in their own matrix and range."""

import av
import numpy as np
import pytest

from stavis.data.video.decord_reading import decord_is_safe
from stavis.data.video.hdr import mapped
from stavis.data.video.io import probe
from tests.data.video.made_videos import read

CHART = np.array(
    [
        *[(115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170)],
        *[(214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46)],
        *[(56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (48, 133, 161)],
        *[(243, 243, 242), (200, 200, 200), (160, 160, 160), (122, 122, 121), (85, 85, 85), (52, 52, 52)],
    ],
    float,
)
"""24 colours: skins, plants, skies, pure hues and greys, SDR codes."""
PQ, HLG, BT709, BT2020 = 16, 18, 1, 9
_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def in_hdr(chart: np.ndarray, transfer: int, gamma: float = 2.4) -> np.ndarray:
    """SDR codes as HDR codes in [0,1]: display-referred, SDR white at 203 cd/m² (BT.2408), HLG on a display of 1000 cd/m²."""
    nits = 203 * (chart / 255) ** gamma @ _TO_BT2020.T
    if transfer == PQ:
        y = (nits / 10_000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375
    shown = nits / 1000
    scene = shown * np.maximum(shown @ [0.2627, 0.6780, 0.0593], 1e-9)[:, None] ** (1 / 1.2 - 1)
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073)


def chart_video(path, colours, codec, pix_fmt, *, transfer, primaries, matrix, limited=True, tag=True, **options):
    """Four frames with a column for each of N colours in [0,1], coded in a matrix and a range that are tagged."""
    image = np.repeat(np.round(colours * 65535).astype(np.uint16)[None], 64, 0).repeat(16, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], pix_fmt
        tags = {"color_trc": transfer, "color_primaries": primaries, "colorspace": matrix, "color_range": 1 if limited else 2}
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(image, format="rgb48le")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=matrix, src_color_range=2, dst_color_range=tags["color_range"])
            for name, value in tags.items() if tag else ():
                setattr(frame, name, value)
                setattr(stream.codec_context, name, value)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def columns(image: np.ndarray) -> np.ndarray:
    return image[16:48].reshape(32, -1, 16, 3)[:, :, 6:10].mean((0, 2))


CODERS = {
    "hevc": ("a.mp4", "libx265", "yuv420p10le", {"x265-params": "log-level=none:qp=4"}),
    "av1": ("a.mkv", "libsvtav1", "yuv420p10le", {"crf": "5", "preset": "10", "svtav1-params": "log-level=0"}),
    "ffv1": ("b.mkv", "ffv1", "yuv420p10le", {}),
}


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("coder", CODERS)
def test_hdr_comes_back_as_the_sdr_it_was_made_of(tmp_path, capfd, coder, transfer):
    name, codec, pix_fmt, options = CODERS[coder]
    colours = in_hdr(CHART, transfer)
    path = chart_video(tmp_path / name, colours, codec, pix_fmt, transfer=transfer, primaries=BT2020, matrix=9, **options)
    capfd.readouterr()
    for check_damage in (True, False):
        frames, said = read(path, check_damage=check_damage)
        off = np.abs(columns(frames[2].image) - CHART)
        assert off.max() < 6 and off.mean() < 4, off.max(1)
        name = "HLG" if transfer == HLG else "PQ"
        assert any(f"it is HDR ({name}), and its colours were mapped to SDR" in sentence for sentence in said)
    assert not decord_is_safe(probe(path), 0, 4)


@pytest.mark.parametrize("gamma", [2.2, 2.4])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_either_grading_of_sdr_comes_back(transfer, gamma):
    coded = np.round(in_hdr(CHART, transfer, gamma) * 65535).astype(np.uint16)[None]
    assert np.abs(mapped(coded, transfer, BT2020)[0] - CHART).max() < 6


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_than_white_stays_in_order_and_keeps_its_hue(transfer):
    grey = np.repeat(np.linspace(0, 65535, 400).astype(np.uint16)[None, :, None], 3, 2)
    out = mapped(grey, transfer, BT2020)[0].astype(int)
    assert out[0].max() == 0 and out[-1].min() == 255 and (np.diff(out, axis=0) >= 0).all() and (np.ptp(out, axis=1) <= 1).all()
    bright = in_hdr(np.array([[255.0, 128.0, 64.0]]) * 1.6, transfer)
    red, green, blue = mapped(np.round(bright * 65535).astype(np.uint16)[None], transfer, BT2020)[0, 0].astype(float)
    assert red >= 250 and green / red == pytest.approx(128 / 255, abs=0.04) and blue / red == pytest.approx(64 / 255, abs=0.04)


def test_hdr_without_a_tag_for_its_matrix_is_read_in_that_of_bt2020(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        image = np.repeat(np.round(in_hdr(CHART, PQ) * 65535).astype(np.uint16)[None], 64, 0).repeat(16, 1)
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "yuv444p16le"
        frame = av.VideoFrame.from_ndarray(image, format="rgb48le").reformat(
            format="yuv444p16le", dst_colorspace=9, src_color_range=2, dst_color_range=1
        )
        for name, value in {"color_trc": PQ, "color_primaries": 9, "colorspace": 2, "color_range": 1}.items():
            setattr(frame, name, value)
            setattr(stream.codec_context, name, value)
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert np.abs(columns(read(path)[0][0].image) - CHART).max() < 6


def test_wide_colours_without_hdr_are_narrowed_and_said(tmp_path):
    wide = ((CHART / 255) ** 2.4 @ _TO_BT2020.T) ** (1 / 2.4)
    path = chart_video(tmp_path / "a.mkv", wide, "ffv1", "yuv444p10le", transfer=14, primaries=BT2020, matrix=9)
    frames, said = read(path)
    assert np.abs(columns(frames[0].image) - CHART).max() < 6 and any("wider than BT.709" in sentence for sentence in said)


@pytest.mark.parametrize("limited", [True, False], ids=["limited range", "full range"])
@pytest.mark.parametrize("matrix", [1, 5, 6], ids=["BT.709", "BT.601 625", "BT.601 525"])
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.mp4", "libx265")])
def test_a_tagged_chart_is_read_in_its_own_matrix_and_range(tmp_path, name, codec, matrix, limited):
    options = {"qp": "4"} if codec == "libx264" else {"x265-params": "log-level=none:qp=4"}
    path = chart_video(
        tmp_path / name, CHART / 255, codec, "yuv420p", transfer=matrix, primaries=matrix, matrix=matrix, limited=limited, **options
    )
    for check_damage in (True, False):  # the second by decord, where it is used
        frames, said = read(path, check_damage=check_damage)
        assert np.abs(columns(frames[1].image) - CHART).max() < 5 and said == []
        smaller, _ = read(path, check_damage=check_damage, longest_side=192)
        seen = smaller[1].image[8:24].reshape(16, -1, 8, 3)[:, :, 3:5].mean((0, 2))
        assert np.abs(seen - CHART).max() < 6
