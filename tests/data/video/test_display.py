"""Frames stand upright with square pixels: every display matrix, sample aspect ratios, both together, interlaced frames."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from stavis.data.video.decord_reading import decord_is_safe
from stavis.data.video.display import Orientation, orientation_of_matrix, square_pixel_size
from stavis.data.video.io import probe
from tests.data.video.made_videos import encode, number_of, picture, read

MATRICES = {
    # a, b, c, d of the display matrix; what numpy does to the coded frame
    "none": ((1, 0, 0, 1), lambda image: image),
    "mirrored": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "upside down mirrored": ((1, 0, 0, -1), lambda image: image[::-1]),
    "half turn": ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]),
    "clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "anticlockwise": ((0, -1, 1, 0), lambda image: np.rot90(image)),
    "transposed": ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    "transposed the other way": ((0, -1, -1, 0), lambda image: np.rot90(image.transpose(1, 0, 2), 2)),
}


def matrix(a, b, c, d) -> list[int]:
    return [round(value * 65536) for value in (a, b, 0, c, d, 0, 0, 0)] + [1 << 30]


def corner(number: int) -> np.ndarray:
    """An image without any symmetry."""
    image = picture(number)
    image[:20, :30] = (250, 20, 20)
    image[-20:, :30] = (20, 250, 20)
    return image


def turned(path, turn=(1, 0, 0, 1), aspect=None, codec="libx264", **options):
    def prepare(stream):
        if turn != (1, 0, 0, 1):
            stream.set_display_matrix(matrix(*turn))
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect

    lossless = {"qp": "0"} if codec == "libx264" else {}  # two lossy encodings of the same frames can differ
    return encode(path, codec, images=[corner(k) for k in range(8)], prepare=prepare, **lossless, **options)


@pytest.mark.parametrize("kind", MATRICES)
@pytest.mark.parametrize("check_damage", [True, False])
def test_every_display_matrix_is_followed_exactly(tmp_path, kind, check_damage):
    turn, flip = MATRICES[kind]
    coded, _ = read(turned(tmp_path / "plain.mp4"))
    shown, said = read(turned(tmp_path / "a.mp4", turn), check_damage=check_damage)
    expected = [flip(frame.image) for frame in coded]
    assert all(np.array_equal(frame.image, image) for frame, image in zip(shown, expected, strict=True)) and said == []
    assert (shown[0].image.shape[1], shown[0].image.shape[0]) == (probe(tmp_path / "a.mp4").width, probe(tmp_path / "a.mp4").height)


@pytest.mark.parametrize("name", ["a.mov", "a.mkv"])
def test_other_containers_and_codecs_are_turned_as_well(tmp_path, name):
    turn, flip = MATRICES["half turn" if name == "a.mkv" else "transposed"]
    coded, _ = read(turned(tmp_path / f"plain{name}", codec="mjpeg", pix_fmt="yuvj420p"))
    shown, _ = read(turned(tmp_path / name, turn, codec="mjpeg", pix_fmt="yuvj420p"))
    assert np.array_equal(shown[3].image, flip(coded[3].image))


@pytest.mark.parametrize("kind", MATRICES)
def test_a_matrix_and_its_strength_do_not_matter_to_the_turn(kind):
    turn, flip = MATRICES[kind]
    image = np.arange(24).reshape(2, 4, 3)
    for strength in (0.5, 1, 2):
        assert np.array_equal(orientation_of_matrix(np.array(matrix(*turn)) * strength).apply(image), flip(image))


def test_a_matrix_that_is_no_quarter_turn_goes_to_the_nearest_and_is_said(tmp_path):
    angle = np.deg2rad(8)
    tilted = (np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle))
    assert orientation_of_matrix(np.array(matrix(*tilted))) == Orientation(exact=False)
    assert orientation_of_matrix(np.zeros(9)) == Orientation()
    _, said = read(turned(tmp_path / "a.mp4", tilted))
    assert any("no quarter turn" in sentence for sentence in said)


ASPECTS = [(Fraction(4, 3), (213, 96)), (Fraction(16, 15), (171, 96)), (Fraction(8, 9), (142, 96)), (Fraction(1), (160, 96))]


@pytest.mark.parametrize(("aspect", "size"), ASPECTS)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_pixels_are_made_square(tmp_path, name, aspect, size):
    path = turned(tmp_path / name, aspect=aspect, codec="mpeg4" if name == "a.avi" else "libx264")
    info = probe(path)
    for check_damage in (True, False):
        frames, said = read(path, check_damage=check_damage)
        assert (info.width, info.height) == size == frames[0].image.shape[1::-1]
        assert any("pixels are not square" in s and f"{size[0]}x{size[1]}" in s for s in said) == (aspect != 1)
    expected = cv2.resize(corner(3), size, interpolation=cv2.INTER_LINEAR)
    assert np.abs(frames[3].image.astype(int) - expected).mean() < 8
    assert max(read(path, longest_side=80)[0][0].image.shape) == 80


@pytest.mark.parametrize("kind", MATRICES)
def test_a_turn_and_a_shape_together(tmp_path, kind):
    turn, flip = MATRICES[kind]
    wide, _ = read(turned(tmp_path / "wide.mp4", aspect=Fraction(3, 2)))
    both, _ = read(turned(tmp_path / "both.mp4", turn, Fraction(3, 2)))
    assert np.array_equal(both[2].image, flip(wide[2].image)) and wide[2].image.shape == (96, 240, 3)


def test_a_shape_that_cannot_be_meant_is_not_followed():
    assert square_pixel_size(160, 96, Fraction(1, 1000)) == (160, 96) == square_pixel_size(160, 96, None)


def test_where_the_shape_changes_faces_keep_theirs(tmp_path):
    narrow = turned(tmp_path / "a.ts", aspect=Fraction(1))
    wide = turned(tmp_path / "b.ts", aspect=Fraction(2))
    both = tmp_path / "both.ts"
    both.write_bytes(narrow.read_bytes() + wide.read_bytes())
    frames, said = read(both)
    assert [frame.note for frame in frames] == [""] * 8 + ["resized"] * 8 and any("8 of 16 frames have another size" in s for s in said)
    assert frames[12].image.shape == (96, 160, 3)
    band = frames[12].image[24:72]  # twice as wide, so half as high, and black above and below
    assert frames[12].image[:22].max() < 8 and frames[12].image[74:].max() < 8
    assert np.abs(band.astype(int) - cv2.resize(corner(4), (160, 48), interpolation=cv2.INTER_AREA)).mean() < 12


def fields(count: int) -> list[np.ndarray]:
    """Interlaced frames: even lines show a bar at one place, odd lines where it is half a frame later."""
    frames = []
    for number in range(count):
        frame = np.full((96, 160, 3), 40, np.uint8)
        for line in (0, 1):
            left = 8 * number + 4 * line
            frame[line::2, left : left + 16] = 230
        frames.append(frame)
    return frames


def combing(image: np.ndarray) -> float:
    """How much lines differ from both their neighbours."""
    grey = image.mean(2)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"x264-params": "tff=1"}),
        ("a.ts", "mpeg2video", {"flags": "+ildct+ilme", "top": "1"}),
        ("a.mkv", "libx264", {"x264-params": "bff=1"}),
    ],
)
def test_interlaced_frames_are_deinterlaced_and_keep_their_clock(tmp_path, name, codec, options):
    path = encode(tmp_path / name, codec, images=fields(16), **options)
    info = probe(path)
    frames, said = read(path)
    assert any("it is interlaced, and its frames were deinterlaced" in s for s in said) and not decord_is_safe(info, 0, len(info))
    assert len(frames) == len(info) == 16 and np.allclose([f.time - frames[0].time for f in frames], np.arange(16) / 25, atol=1e-6)
    for number in range(2, 14):
        assert combing(frames[number].image) < 0.3 * combing(fields(16)[number])
        columns = np.flatnonzero(frames[number].image[:, :, 0].mean(0) > 135)
        assert abs(columns.mean() - (8 * number + 9.5)) <= 3
    part, _ = read(path, start=9, stop=12)
    assert [f.index for f in part] == [9, 10, 11] and np.abs(part[0].image.astype(int) - frames[9].image).mean() < 1


def test_progressive_frames_are_left_alone(tmp_path):
    frames, said = read(encode(tmp_path / "a.mp4"))
    assert said == [] and [number_of(f.image) for f in frames] == list(range(40)) and not probe(tmp_path / "a.mp4").interlaced


def test_interlaced_frames_after_others_are_said(tmp_path):
    plain = encode(tmp_path / "a.ts", images=[picture(k) for k in range(8)])
    woven = encode(tmp_path / "b.ts", images=fields(8), **{"x264-params": "tff=1"})
    both = tmp_path / "both.ts"
    both.write_bytes(plain.read_bytes() + woven.read_bytes())
    frames, said = read(both)
    assert any("frames from 0.40 s on are interlaced" in s for s in said) and len(frames) == 16, said
    assert combing(frames[12].image) < 0.3 * combing(fields(8)[4])
    assert [number_of(f.image) for f in frames[:8]] == list(range(8))
