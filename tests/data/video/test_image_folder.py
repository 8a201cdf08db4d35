"""A folder of numbered images is a video: its clock, its holes, its damage, its crops."""

import os
import time

import cv2
import numpy as np
import pytest

from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.video.image_folder import images_hash, info_of, probe_images
from stavis.data.video.io import read_frames
from stavis.errors import StavisError
from stavis.notes import Notes
from stavis.types import ImageNumbers, Recording
from tests.data.datasets import fakes


def frames_of(folder, numbers, **options):
    info = probe_images(folder, numbers)
    notes = Notes()
    return info, list(read_frames(folder, info=info, notes=notes, **options)), list(notes)


def test_every_frame_keeps_its_time_whatever_is_missing(tmp_path):
    folder = fakes.images(tmp_path, 0, first=1, missing=(1, 5, 6), suffix=".png")
    info, frames, said = frames_of(folder, ImageNumbers(25, 1))
    assert len(info) == len(frames) == fakes.FRAMES and (info.width, info.height) == (fakes.SIZE, fakes.SIZE)
    assert np.allclose(info.times, np.arange(fakes.FRAMES) / 25) and [frame.index for frame in frames] == list(range(fakes.FRAMES))
    assert [frame.index for frame in frames if frame.note == "no image"] == [0, 4, 5]
    for frame, image in zip(frames, fakes.pictures(0), strict=True):
        assert (frame.image == (0 if frame.note else image)).all()
    assert len(said) == 1 and "3 of 30 frames have no image and count as frames without a face" in said[0]


def test_more_frames_may_be_declared_than_images_are_there(tmp_path):
    folder = fakes.images(tmp_path, 0, first=0)
    assert len(probe_images(folder, ImageNumbers(25, 0, 40))) == 40 and len(probe_images(folder, ImageNumbers(25, 0, 3))) == fakes.FRAMES


def test_a_part_of_the_frames_smaller(tmp_path):
    _, frames, _ = frames_of(fakes.images(tmp_path, 0, first=0), ImageNumbers(25, 0), start=3, stop=7, longest_side=24)
    assert [frame.index for frame in frames] == [3, 4, 5, 6] and frames[0].image.shape == (24, 24, 3)


def test_damaged_and_other_images_are_marked(tmp_path):
    folder = fakes.images(tmp_path, 0, first=0, suffix=".png", count=6)
    (folder / "00002.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    (folder / "00003.png").write_bytes((folder / "00003.png").read_bytes()[:60])
    cv2.imwrite(str(folder / "00004.png"), np.full((20, 30, 3), 7, np.uint8))
    (folder / "notes.txt").write_text("not an image")
    (folder / "._00009.png").write_bytes(b"a Mac's")
    _, frames, said = frames_of(folder, ImageNumbers(25, 0))
    assert [frame.note for frame in frames] == ["", "", "lost", "lost", "resized", ""] and frames[2].damaged
    assert (frames[3].image == frames[1].image).all() and frames[4].image.shape == frames[0].image.shape
    assert "2 of 6 frames are damaged" in said[0] and "1 of 6 frames have another size" in said[0]


def test_a_small_file_that_declares_a_huge_picture_is_not_decoded(tmp_path):
    folder = fakes.images(tmp_path, 0, first=0, suffix=".png", count=3)
    data = bytearray((folder / "00001.png").read_bytes())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    (folder / "00001.png").write_bytes(data)
    _, frames, _ = frames_of(folder, ImageNumbers(25, 0))
    assert frames[1].note == "lost"


def test_jpegs_with_a_preamble_are_read(tmp_path):
    folder = fakes.images(tmp_path, 0, first=0, suffix=".jpeg", count=2)
    data = (folder / "00000.jpeg").read_bytes()
    (folder / "00000.jpeg").write_bytes(data[:2] + b"\xff\xfe\x00\x06abcd" + data[2:])  # a comment before the size
    _, frames, said = frames_of(folder, ImageNumbers(25, 0))
    assert [frame.note for frame in frames] == ["", ""] and said == []


@pytest.mark.parametrize(
    ("make", "numbers", "said"),
    [
        (lambda folder: None, ImageNumbers(25), "holds no numbered image such as 00001.jpg"),
        (lambda folder: (folder / "a.png").write_bytes(b"x"), ImageNumbers(25), "holds no numbered image"),
        (lambda folder: (folder / "00001.png").write_bytes(b"x"), ImageNumbers(25), "none of its 1 images can be decoded"),
        (lambda folder: [(folder / f"1{s}").write_bytes(b"x") for s in (".png", ".jpg")], ImageNumbers(25), "have the same number"),
        (lambda folder: fakes.images(folder, 0, first=0), ImageNumbers(25, 1), "image 0 comes before the first one, 1"),
        (lambda folder: (folder / "999999999.png").write_bytes(b"x"), ImageNumbers(25), "too long for one recording"),
    ],
)
def test_what_is_no_sequence_is_told_in_a_sentence(make, numbers, said, tmp_path):
    make(tmp_path)
    with pytest.raises(StavisError, match=said):
        probe_images(tmp_path, numbers)


def test_a_missing_folder_and_an_impossible_rate():
    with pytest.raises(StavisError, match="cannot be listed"):
        probe_images("not there", ImageNumbers(25))
    with pytest.raises(StavisError, match="cannot come at 0 frames/s"):
        ImageNumbers(0)


def test_the_hash_tells_folders_and_rates_apart(tmp_path):
    folder = fakes.images(tmp_path / "a", 0, first=0)
    before = images_hash(folder, ImageNumbers(25))
    assert before == images_hash(folder, ImageNumbers(25)) != images_hash(folder, ImageNumbers(30))
    (folder / "00003.jpg").unlink()
    assert images_hash(folder, ImageNumbers(25)) != before
    edited, before = next(iter(sorted(folder.iterdir()))), images_hash(folder, ImageNumbers(25))
    time.sleep(0.02)  # the clock of a file system ticks a hundred times a second
    stat = edited.stat()
    edited.write_bytes(bytes(stat.st_size))
    os.utime(edited, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert images_hash(folder, ImageNumbers(25)) != before  # edited in place, its date put back


def test_crops_of_images_mark_what_is_missing_and_are_made_anew_when_an_image_comes(tmp_path):
    folder = fakes.images(tmp_path / "images", 0, first=0, missing=(3,))
    recording = Recording("one", folder, images=ImageNumbers(25, 0))
    spec = CropConfig(size=32, rate=None, source="centre")
    crops = crops_of(recording, spec)
    assert any("1 of 30 frames have no image" in one for one in crops.notes)
    assert np.flatnonzero(~crops.valid).tolist() == [3] and crops.frame_notes[3] == "no image" and len(crops) == fakes.FRAMES
    cv2.imwrite(str(folder / "00003.jpg"), fakes.pictures(0)[3])
    again = crops_of(recording, spec)
    assert again.valid.all() and again.notes == ()


@pytest.mark.real_clips
def test_a_face_is_followed_over_missing_images(tmp_path, real_clips):
    clip = sorted(real_clips.glob("*.mp4"))[0]
    for frame in read_frames(clip, stop=16, longest_side=360, notes=Notes()):
        if frame.index not in (5, 6, 11):
            cv2.imwrite(str(tmp_path / f"{frame.index:05d}.jpg"), frame.image[:, :, ::-1])
    crops = crops_of(Recording("real", tmp_path, images=ImageNumbers(25, 0)), CropConfig(size=48, rate=None, source="face"))
    assert not crops.valid[[5, 6, 11]].any() and crops.valid.sum() >= 10
    assert [crops.frame_notes[k] for k in (5, 6, 11)] == ["no image"] * 3


def test_what_only_looks_like_an_image_is_lost_not_fatal(tmp_path, monkeypatch):
    folder = fakes.images(tmp_path, 0, first=0, suffix=".png", count=6)
    (folder / "00001.png").unlink()
    (folder / "00001.png").mkdir()
    (folder / "00002.png").write_bytes(b"\xff\xd8\xff\xff\xe0\x00\x02\xff\xc0\x00")  # a JPEG that ends in its header
    (folder / "00003.png").write_bytes(b"GIF89a")
    (folder / "00004.png").write_bytes(b"")
    _, frames, _ = frames_of(folder, ImageNumbers(25, 0))
    assert [frame.note for frame in frames] == ["", "lost", "lost", "lost", "lost", ""]
    info = probe_images(folder, ImageNumbers(25, 0))

    def refused(self):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(type(folder), "read_bytes", refused)
        assert [frame.note for frame in read_frames(folder, info=info, stop=1, notes=Notes())] == ["lost"]


def test_a_video_file_and_a_folder_are_probed_alike(tmp_path):
    video = fakes.video(tmp_path / "a.mp4", 0)
    folder = fakes.images(tmp_path / "a", 0, first=0)
    infos = [info_of(one) for one in (Recording("a", video), Recording("a", folder, images=ImageNumbers(25, 0)))]
    assert np.allclose(infos[0].times, infos[1].times) and infos[0].width == infos[1].width


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG whose EXIF block says how it is to be turned."""
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0]) + bytes(4)
    block = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:]


@pytest.mark.parametrize(
    ("orientation", "flip"),
    [
        (1, lambda image: image),
        (2, lambda image: image[:, ::-1]),
        (3, lambda image: image[::-1, ::-1]),
        (4, lambda image: image[::-1]),
        (5, lambda image: image.transpose(1, 0, 2)),
        (6, lambda image: np.rot90(image, -1)),
        (7, lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
        (8, lambda image: np.rot90(image)),
    ],
)
def test_images_stand_upright_as_their_exif_says(tmp_path, orientation, flip):
    image = np.zeros((32, 48, 3), np.uint8)
    image[:8, :16], image[24:, :8] = (250, 20, 20), (20, 250, 20)
    _, jpeg = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    (tmp_path / "1.jpg").write_bytes(with_exif(jpeg.tobytes(), orientation))
    info, frames, _ = frames_of(tmp_path, ImageNumbers(25, 1))
    shown = flip(image)
    assert (info.height, info.width) == shown.shape[:2] and np.abs(frames[0].image.astype(int) - shown).mean() < 8


def test_an_image_of_another_shape_is_fitted_and_keeps_its_own(tmp_path):
    for number, shape in ((0, (40, 40)), (1, (20, 40))):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((*shape, 3), 200, np.uint8))
    _, frames, said = frames_of(tmp_path, ImageNumbers(25, 0))
    rows = frames[1].image.max((1, 2))
    assert frames[1].note == "resized" and (rows[10:30] == 200).all() and rows[:10].max() == rows[30:].max() == 0
    assert "1 of 2 frames have another size" in said[0]


def test_names_that_are_no_utf8_are_read(tmp_path):
    folder = tmp_path / os.fsdecode(b"d\xe9j\xe0")
    folder.mkdir()
    for number in range(3):
        (folder / os.fsdecode(b"caf\xe9_%05d.png" % number)).write_bytes(cv2.imencode(".png", np.full((8, 8, 3), 9, np.uint8))[1].tobytes())
    info, _, said = frames_of(folder, ImageNumbers(25, 0))
    assert len(info) == 3 and said == [] and images_hash(folder, ImageNumbers(25, 0))
    with pytest.raises(StavisError, match=r"d\\xe9j\\xe0.*cannot be listed"):
        probe_images(folder / "none", ImageNumbers(25, 0))
