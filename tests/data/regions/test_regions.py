"""Regions without faces: a grid is a partition, a moving box is followed, masks lie where they are, and what cannot be is refused."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from stavis.data.crops.framing import content_box, framing_affine
from stavis.data.regions.grid import Grid
from stavis.data.regions.read import read_boxes, read_npz, regions_from
from stavis.data.regions.source import shown_mask
from stavis.errors import StavisError
from stavis.regions import densities, shares

WIDTH, HEIGHT, SIZE, COUNT = 160, 80, 64, 9
ALL = slice(0, COUNT)


@dataclass
class Video:
    """A video of 160x80 px and nine frames, 0.5 s apart, as a network of 64x64 px is shown it."""

    source: str = "resize"
    recording: str = "street"
    picture: tuple[int, int] = (WIDTH, HEIGHT)
    size: int = SIZE

    def __post_init__(self):
        self.times = np.arange(COUNT) / 2
        self.indices = np.arange(COUNT)
        self.affine = np.repeat(framing_affine(self.source, *self.picture, self.size)[None], COUNT, 0)

    @property
    def content(self):
        return content_box(self.source, self.picture, self.size)


def table(tmp_path: Path, *rows: str, head: str = "time,name,x0,y0,x1,y1") -> Path:
    path = tmp_path / "boxes.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def middles(masks: np.ndarray) -> np.ndarray:
    """The middle column and row of each mask (T,S,S), NaN where it is empty."""
    grid = np.arange(masks.shape[1]) + 0.5
    with np.errstate(invalid="ignore"):
        count = masks.sum((1, 2))
        return np.stack([(masks.sum(1) * grid).sum(1) / count, (masks.sum(2) * grid).sum(1) / count], 1)


@pytest.mark.parametrize("source", ["resize", "letterbox", "centre", "centre:0.5", "resize:0.655x0.875"])
@pytest.mark.parametrize("grid", [Grid(), Grid(1, 2), Grid(5, 7)])
def test_the_shares_of_a_grid_sum_to_one_and_an_even_map_has_density_one(source, grid):
    video = Video(source)
    masks, shown = grid.masks(video, ALL), shown_mask(video)
    assert masks.shape == (COUNT, len(grid.region_set.names), SIZE, SIZE)
    assert (masks.sum(1) == shown).all()
    maps = np.random.default_rng(0).random((COUNT, 14, 14))
    assert shares(maps, masks, shown).sum(1) == pytest.approx(np.ones(COUNT))
    even = densities(np.ones((COUNT, SIZE, SIZE)), masks, shown)
    assert even == pytest.approx(np.ones_like(even))


def test_the_bars_of_a_letterbox_have_no_share():
    video = Video("letterbox")
    shown = shown_mask(video)
    assert shown[16:48].all() and not shown[:16].any() and not shown[48:].any()
    maps = np.where(shown, 1.0, 1000.0)[None].repeat(COUNT, 0)
    found = shares(maps, Grid(2, 2).masks(video, ALL), shown)
    assert found == pytest.approx(np.full((COUNT, 4), 0.25))
    only_bars = shares(np.where(shown, 0.0, 1.0)[None].repeat(COUNT, 0), Grid(2, 2).masks(video, ALL), shown)
    assert np.isnan(only_bars).all()


def test_a_grid_has_its_cells_in_reading_order():
    video = Video("resize")
    masks = dict(zip(Grid().region_set.names, Grid().masks(video, ALL)[0], strict=True))
    assert masks["top_left"][0, 0] and masks["top_right"][0, -1] and masks["centre"][32, 32] and masks["bottom"][-1, 32]
    assert Grid(2, 3).region_set.names[0] == "row1_col1" and Grid(2, 3).region_set.names[-1] == "row2_col3"


@pytest.mark.parametrize("source", ["resize", "letterbox"])
def test_a_moving_box_is_followed_between_its_rows_and_is_gone_in_gaps(tmp_path, source):
    path = table(tmp_path, "0,ball,0,20,40,60", "1,ball,40,20,80,60", "2,ball,80,20,120,60", "2.5,ball,,,,", "3,ball,0,0,40,40")
    video, tracks = Video(source), read_boxes(path)
    tracks.check(video)
    masks = tracks.masks(video, ALL)
    assert tracks.region_set.names == ("ball", "rest") and (masks.sum(1) == shown_mask(video)).all()
    ball = masks[:, 0]
    x = np.array([20, 40, 60, 80, 100])
    assert middles(ball[:5])[:, 0] == pytest.approx(x * SIZE / WIDTH, abs=0.51)
    assert middles(ball[:5])[:, 1] == pytest.approx(np.full(5, 32.0), abs=0.51)
    assert not ball[5].any() and ball[6].any() and not ball[7:].any()


def test_frames_count_as_times_do_and_a_box_without_one_stays(tmp_path):
    video = Video()
    moving = read_boxes(table(tmp_path, "0,ball,0,0,40,40", "8,ball,80,0,120,40", head="frame,name,x0,y0,x1,y1"))
    moving.check(video)
    assert middles(moving.masks(video, ALL)[:, 0])[:, 0] == pytest.approx(np.arange(20, 101, 10) * SIZE / WIDTH, abs=0.51)
    assert (moving.masks(video, slice(3, 5)) == moving.masks(video, ALL)[3:5]).all()
    still = read_boxes(table(tmp_path, ",sign,0,0,40,40"))
    still.check(video)
    assert (still.masks(video, ALL)[:, 0].sum((1, 2)) == 16 * 32).all()


def test_between_rows_far_apart_a_box_is_not_there(tmp_path):
    rows = [f"{t},ball,0,0,40,40" for t in (0, 0.5, 1, 4)]
    ball = read_boxes(table(tmp_path, *rows)).masks(Video(), ALL)[:, 0].any((1, 2))
    assert ball.tolist() == [True] * 3 + [False] * 5 + [True]


def test_of_two_boxes_the_smaller_one_has_the_pixel_and_each_recording_its_own(tmp_path):
    rows = ["street,,car,0,0,160,80", "street,,wheel,40,20,80,60", "yard,,car,0,0,80,80"]
    tracks = read_boxes(table(tmp_path, *rows, head="recording,time,name,x0,y0,x1,y1"))
    street, yard = (tracks.masks(Video(recording=name), ALL)[0] for name in ("street", "yard"))
    assert street[1].sum() == 16 * 32 and street[0].sum() == SIZE * SIZE - 16 * 32 and not street[2].any()
    assert yard[0].sum() == 32 * SIZE and not yard[1].any()


def test_a_box_under_a_centre_crop_lies_where_its_pixels_are(tmp_path):
    video = Video("centre")  # the square from x = 40 to 120
    mask = read_boxes(table(tmp_path, ",sign,40,0,60,20")).masks(video, ALL)[0, 0]
    assert mask[:16, :16].all() and mask.sum() == 16 * 16


def test_masks_of_a_file_lie_where_they_are(tmp_path):
    masks = np.zeros((COUNT, HEIGHT, WIDTH), bool)
    masks[:, :40, :80] = True
    masks[4] = False
    path = tmp_path / "regions.npz"
    np.savez(path, sky=masks, car=np.tile([80.0, 40, 160, 80], (COUNT, 1)), times=np.arange(COUNT) / 2)
    tracks = regions_from(path)
    tracks.check(Video())
    found = tracks.masks(Video(), ALL)
    assert tracks.region_set.names == ("sky", "car", "rest")
    assert found[0, 0, :32, :32].all() and found[0, 0].sum() == 32 * 32 and found[0, 1, 32:, 32:].all() and not found[4, 0].any()
    np.savez(path, sky=masks[:1])
    assert read_npz(path).masks(Video(), ALL)[:, 0].sum((1, 2)).tolist() == [32 * 32] * COUNT


BAD_TABLES = {
    "unknown column": (["0,a,0,0,9,9,1"], "time,name,x0,y0,x1,y1,score", "boxes.csv has a column 'score'"),
    "missing column": (["0,a,0,0,9"], "time,name,x0,y0,x1", "lacks the column y1"),
    "no clock": (["a,0,0,9,9"], "name,x0,y0,x1,y1", "needs one of the columns time and frame"),
    "inverted": (["0,a,9,0,5,9"], None, "line 2: the box of a .9, 0, 5, 9. is inverted"),
    "twice": (["0,a,0,0,9,9", "1,a,0,0,9,9", "0,a,1,1,9,9"], None, "line 4: a stands twice at time 0, first in line 2"),
    "no number": (["0,a,0,0,9,wide"], None, "line 2: y1 is 'wide', not a number"),
    "no name": (["0,,0,0,9,9"], None, "line 2: the region has no name"),
    "half a box": (["0,a,0,0,9,"], None, "line 2: the box of a has only some of its corners"),
    "fractions": (["0,a,0,0,0.5,0.5"], None, "corners from 0 to 1 only: give pixels"),
    "a column's name": (["0,entropy,0,0,9,9"], None, "calls a region 'entropy'"),
    "too many": ([f"0,r{k},0,0,9,9" for k in range(65)], None, "names 65 regions: give at most 64"),
    "mixed": (["0,a,0,0,9,9", ",a,0,0,9,9"], None, "line 3: a has a row without a time and others with one"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_a_bad_table_is_one_sentence(tmp_path, kind):
    rows, head, said = BAD_TABLES[kind]
    path = table(tmp_path, *rows, **({"head": head} if head else {}))
    with pytest.raises(StavisError, match=said) as error:
        read_boxes(path)
    assert ": " in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("9,a,0,0,9,9", "line 2: a is at time 9 s, the video street goes from 0 to 4 s: correct the time"),
        ("0,a,160,0,170,9", r"line 2: the box of a .160, 0, 170, 9. lies outside the frame of 160x80 px"),
    ],
)
def test_what_does_not_fit_the_video_is_one_sentence(tmp_path, row, said):
    with pytest.raises(StavisError, match=said):
        read_boxes(table(tmp_path, row)).check(Video())


def test_regions_of_another_recording_or_size_are_refused(tmp_path):
    other = read_boxes(table(tmp_path, "yard,0,car,0,0,80,80", head="recording,time,name,x0,y0,x1,y1"))
    with pytest.raises(StavisError, match="no regions of the recording 'street' but of yard"):
        other.check(Video())
    path = tmp_path / "masks.npz"
    np.savez(path, sky=np.ones((COUNT, 40, 40), bool))
    with pytest.raises(StavisError, match="masks of sky are 40x40 px, the video is 160x80"):
        read_npz(path).check(Video())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("grid:0x3", "a grid of 0x3 has 0 cells"),
        ("grid:100x100", "a grid of 100x100 has 10000 cells: give rows and columns with 2 to 64 cells"),
        ("grid:three", "expected grid:ROWSxCOLUMNS"),
        ("boxes.txt", "expected grid:3x3, a .csv of boxes or a .npz"),
        (3, "regions are a int"),
        ("none.npz", "cannot be read as npz"),
        ("none.csv", "none.csv is missing"),
    ],
)
def test_regions_that_are_none_are_refused(given, said):
    with pytest.raises(StavisError, match=said):
        regions_from(given)


BAD_ARRAYS = {
    "shape": ({"a": np.zeros((3, 5))}, "expected boxes .N,4. or masks .N,H,W."),
    "length": ({"a": np.zeros((3, 8, 8)), "times": np.arange(4)}, "a has 3 rows for 4 times"),
    "times": ({"a": np.zeros((2, 8, 8)), "times": np.array([1.0, 0.0])}, "do not rise"),
    "both": ({"a": np.zeros((2, 8, 8)), "times": np.arange(2), "frames": np.arange(2)}, "holds both times and frames"),
    "none": ({"times": np.arange(2)}, "holds no region"),
    "inverted": ({"a": np.array([[0.0, 0, 9, 9], [9, 0, 5, 9]])}, "the box of a in row 1 is inverted"),
}


@pytest.mark.parametrize("kind", BAD_ARRAYS)
def test_a_bad_npz_is_one_sentence(tmp_path, kind):
    arrays, said = BAD_ARRAYS[kind]
    np.savez(tmp_path / "regions.npz", **arrays)
    with pytest.raises(StavisError, match=said):
        read_npz(tmp_path / "regions.npz")
