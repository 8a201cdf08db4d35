"""Networks of whole frames: what they are shown, where their attention lies on the source, regions, layers and heads, what is refused."""

import json
import warnings

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import stavis
from stavis.attention.modules import SpatialSoftmax
from stavis.data.crops.framing import content_box, framed, framing_affine, source_of_framing
from stavis.data.video.io import write_video
from stavis.errors import StavisError
from stavis.inference.summary import ExplanationSummary
from stavis.show.figures.source_overlay import on_source
from tests.inference.adapters.families import videomae

WIDTH, HEIGHT, SIZE = 96, 48, 32
OPTIONS = {"size": SIZE, "rate": 5.0, "outputs": ("light",), "region": "frame", "device": "cpu"}


SIDES = {"left": "_left", "centre": "", "right": "_right"}


class Bright(nn.Module):
    """Looks at the brightest of 8x8 cells and says how bright they are: a network whose attention is known."""

    def __init__(self):
        super().__init__()
        self.attend, self.scale = SpatialSoftmax(), nn.Parameter(torch.tensor(200.0))

    def forward(self, frames):
        cells = nn.functional.avg_pool2d(frames.mean(2), SIZE // 8)
        weights = self.attend(self.scale * cells)
        return (weights * cells).sum((2, 3))[..., None]


def spot(x: int, y: int, side: int = 6, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """A black frame with a white square around a source pixel."""
    image = np.zeros((*shape, 3), np.uint8)
    image[max(0, y - side) : y + side, max(0, x - side) : x + side] = 255
    return image


pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def video(tmp_path):
    """Twelve frames at 5 frames/s in which a spot goes from left to right."""
    return write_video(tmp_path / "street.mp4", (spot(12 + 6 * k, 24) for k in range(12)), fps=5)


@pytest.fixture(scope="module")
def net():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stavis.load(Bright(), **OPTIONS, framing="letterbox")


@pytest.mark.parametrize("framing", ["resize", "letterbox", "center_crop", "center_crop:0.75", "resize:0.8", "resize:0.75x0.9"])
@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH), (WIDTH, HEIGHT), (50, 50)])
def test_a_hot_cell_lies_at_the_source_pixel_that_made_it(framing, shape):
    height, width = shape
    x, y = round(0.5 * width + 0.12 * min(shape)), round(0.5 * height - 0.2 * min(shape))
    found = stavis.load(Bright(), **OPTIONS, framing=framing).read(spot(x, y, 3, shape)[None])
    crops = found.crops
    assert crops.source == source_of_framing(framing)
    on = on_source(found.attention.weights[0], crops.affine[0], SIZE, (width, height))
    rows, columns = np.unravel_index(on.argmax(), on.shape)
    cell = max(width, height) / 8
    assert abs(columns - x) <= cell / 2 + 1 and abs(rows - y) <= cell / 2 + 1
    u, v = crops.affine[0] @ [x, y, 1]
    assert crops.frames[0][round(v), round(u)].min() > 100


@pytest.mark.parametrize("source", ["resize", "letterbox", "centre", "centre:0.5", "resize:0.875", "resize:0.655x0.875"])
def test_an_image_is_where_its_affine_says(source):
    image = np.zeros((60, 100, 3), np.uint8)
    image[24:36, 44:56] = 255
    affine = framing_affine(source, 100, 60, 40)
    shown = framed(image, source, affine, 40)
    assert shown.shape == (40, 40, 3)
    y, x = np.argwhere(shown[..., 0] > 127).mean(0)
    assert [x, y] == pytest.approx(affine @ [49.5, 29.5, 1], abs=0.6)
    assert (framed(np.full((60, 100, 3), 255, np.uint8), source, affine, 40) > 0).all() == (source != "letterbox")


@pytest.mark.parametrize(("source", "whole"), [("resize:0.875", (128, 128)), ("resize:0.655x0.875", (171, 128))])
def test_a_part_of_a_resized_frame_is_its_middle(source, whole):
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    width, height = whole
    left, top = round((width - 112) / 2), round((height - 112) / 2)
    expected = cv2.resize(image, whole, interpolation=cv2.INTER_AREA)[top : top + 112, left : left + 112]
    assert np.array_equal(framed(image, source, framing_affine(source, 320, 240, 112), 112), expected)
    assert content_box(source, (320, 240), 112) == (0, 0, 112, 112)


def test_the_default_regions_are_a_grid_and_no_bar_counts(net, video):
    found = net.explain(video, methods=("saliency",))
    names = list(found.shares.columns[3:12])
    assert names[0] == "top_left" and found.shares[names].sum(1).to_numpy() == pytest.approx(np.ones(12))
    columns = {side: found.shares[[f"top{more}", side, f"bottom{more}"]].sum(axis=1) for side, more in SIDES.items()}
    assert columns["left"][0] > 0.9 and columns["centre"][6] > 0.9 and columns["right"][11] > 0.9
    assert found.summary.region_set == "grid:3x3"


def test_a_moving_box_holds_the_attention_that_follows_it(net, video, tmp_path):
    rows = [(k / 5, "spot", 2 + 6 * k, 12, 22 + 6 * k, 36) for k in (0, 4, 8, 11)]
    rows += [(k / 5, "above", 0, 0, 96, 8) for k in (0, 11)]
    pd.DataFrame(rows, columns=["time", "name", "x0", "y0", "x1", "y1"]).to_csv(tmp_path / "boxes.csv", index=False)
    found = net.explain(video, methods=(), regions=tmp_path / "boxes.csv")
    assert list(found.shares.columns[3:6]) == ["spot", "above", "rest"]
    assert found.shares.spot.min() > 0.6 and found.shares.above.max() < 0.05
    assert found.table("regions").region.tolist() == ["spot", "above", "rest"]
    assert found.densities["spot"] > 3
    path = found.save(tmp_path / "out")
    written = json.loads((path.parent / "explain.json").read_text(encoding="utf-8"))
    assert written["region_set"] == "boxes.csv" and set(written["mean_shares"]) == {"spot", "above", "rest"}
    assert written["frames_read"] == 12 and not [key for key in written if "face" in key]
    assert ExplanationSummary.from_json(written) == found.summary


def test_boxes_divide_what_a_network_of_faces_looks_at_too(tmp_path, video):
    (tmp_path / "boxes.csv").write_text("time,name,x0,y0,x1,y1\n,left half,0,0,48,48\n", encoding="utf-8")
    found = stavis.load(Bright(), **{**OPTIONS, "region": "face"}).explain(
        video, methods=(), source="centre", regions=tmp_path / "boxes.csv"
    )
    assert found.crops.subject == "face"
    assert found.shares[["left half", "rest"]].sum(1).to_numpy() == pytest.approx(np.ones(12))
    assert found.shares["left half"].iloc[3] > 0.9 and found.shares["left half"].iloc[8] < 0.1


def test_layers_and_heads_are_those_of_the_library(tmp_path):
    torch.manual_seed(0)
    network = videomae().eval()
    net = stavis.load(network, rate=5.0, region="frame", device="cpu")
    frames = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    found = net.explain(frames, methods=(), attention_layers=True, heads=0)
    assert list(found.layers.maps) == ["layer 1", "layer 2", "layer 1, head 1", "layer 1, head 2"]
    assert found.layers.groups["layer 2"] == "layers" and found.layers.groups["layer 1, head 2"] == "heads"
    network.set_attn_implementation("eager")
    core = net.network.clip.core
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float()[None] / 255
    pixels = (pixels - torch.tensor(core.mean).view(3, 1, 1)) / torch.tensor(core.std).view(3, 1, 1)
    with torch.no_grad():
        layers = network(pixel_values=pixels, output_attentions=True).attentions

    def maps(weights: torch.Tensor) -> np.ndarray:
        cells = weights.mean(1).reshape(-1, 4, 4).repeat_interleave(2, 0)
        return (cells / cells.sum((1, 2), keepdim=True)).numpy()

    for number, layer in enumerate(layers):
        assert found.layers.maps[f"layer {number + 1}"].weights == pytest.approx(maps(layer.mean(1)), abs=1e-6)
    assert found.layers.maps["layer 1, head 2"].weights == pytest.approx(maps(layers[0][:, 1]), abs=1e-6)
    shown = found.scrubber()
    assert [one["group"] for one in shown.clip["maps"]] == ["", "layers", "layers", "heads", "heads"]
    assert found.layers.maps["layer 2"].weights == pytest.approx(found.attention.weights, abs=1e-6)
    assert net.explain(frames, methods=()).layers is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source": "face"}, "is shown whole frames: leave source='face' out, or load it with region='face'"),
        ({"face": 1}, "is shown whole frames: leave face=1 out"),
        ({"regions": "grid:0x0"}, "a grid of 0x0 has 0 cells"),
        ({"regions": "grid:8x8", "heads": 0}, "has no layers of token attention"),
    ],
)
def test_options_that_do_not_fit_a_network_of_whole_frames_are_refused(net, video, options, said):
    with pytest.raises(StavisError, match=said):
        net.explain(video, methods=(), **options)


def test_framing_is_for_whole_frames_and_one_of_three():
    with pytest.raises(StavisError, match="add region='frame'"):
        stavis.load(Bright(), **{**OPTIONS, "region": "face"}, framing="resize")
    with pytest.raises(StavisError, match="framing is 'squash': choose resize, letterbox, center_crop"):
        stavis.load(Bright(), **OPTIONS, framing="squash")
    for framing, said in {
        "center_crop:2": "keeps '2' of the square's side",
        "center_crop:0.5x0.5": "keeps '0.5x0.5' of the square's side",
        "resize:0": "keeps '0' of the frame's sides",
        "resize:0.5x": "keeps '0.5x' of the frame's sides",
        "letterbox:0.5": "framing is 'letterbox:0.5'",
    }.items():
        with pytest.raises(StavisError, match=said):
            stavis.load(Bright(), **OPTIONS, framing=framing)


def test_a_layer_that_is_none_is_refused():
    net = stavis.load(videomae(), rate=5.0, region="frame", device="cpu")
    with pytest.raises(StavisError, match="heads is 7: give the number of one of the 2 layers"):
        net.explain(np.zeros((4, 32, 32, 3), np.uint8), methods=(), heads=7)
