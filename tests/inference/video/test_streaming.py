"""Laws of reading in one pass: it is the whole clip, whatever the chunk, and no frame is averaged twice."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stavis.data.faces.disk_array import release, zeros
from stavis.errors import StavisError
from stavis.inference.adapters.frames import FramesNetwork
from stavis.inference.predictor import VideoReader
from stavis.inference.reading import STREAMED, read
from stavis.inference.video.at_size import FramesAtSize
from stavis.inference.video.streaming import LONGEST, SHORTEST, chunk_of, streamed
from stavis.models.sta import CNN3D, STA
from stavis.tensors import as_input
from tests.training.made_crops import TINY, made_crops


def network(cls=STA, vision: int = 32, symmetric: bool = False) -> nn.Module:
    torch.manual_seed(0)
    return cls(dataclasses.replace(TINY, vision=vision, symmetric=symmetric)).eval()


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("cls", [STA, CNN3D])
@pytest.mark.parametrize("chunk", [1, 3, 8, 50])
def test_one_pass_in_chunks_is_the_whole_clip(cls, chunk, symmetric):
    model, frames = network(cls, symmetric=symmetric), made_crops(1, frames=29)[0].frames
    order = np.arange(0, 29, 2)
    pieces = list(streamed(model, frames, order, as_input, chunk))
    with torch.inference_mode():
        whole = model(as_input(frames[order]))[0].numpy()
    assert [piece.start for piece in pieces] == np.cumsum([0, *(len(piece.values) for piece in pieces)])[:-1].tolist()
    assert np.concatenate([piece.values for piece in pieces]) == pytest.approx(whole, abs=1e-5)
    if cls is STA:
        with torch.inference_mode():
            maps = model.look(model.vision(as_input(frames[order])))[0][0].numpy()
        assert np.concatenate([piece.maps for piece in pieces]) == pytest.approx(maps, abs=1e-5)


def test_the_chunk_follows_the_memory():
    model = network()
    assert chunk_of(model, 0) == SHORTEST and chunk_of(model, 1 << 50) == LONGEST and SHORTEST <= chunk_of(model) <= LONGEST


@pytest.mark.parametrize("frames", [1, 2, 40])
def test_a_stream_and_windows_of_the_whole_length_agree(frames):
    model, crops = network(), made_crops(1, frames=40)[0]
    given = (model, crops.frames[:frames], crops.times[:frames])
    stream, windows = read(*given, mode="stream"), read(*given, seconds=1000.0)
    assert stream.values == pytest.approx(windows.values, abs=1e-5)
    assert stream.attention.weights == pytest.approx(windows.attention.weights, abs=1e-5)
    assert STREAMED in stream.notes and STREAMED not in windows.notes


def test_a_mirrored_video_has_the_mirrored_stream():
    model, crops = network(), made_crops(1, frames=20, size=48)[0]
    one = read(model, crops.frames, crops.times, mode="stream", mirror=True)
    other = read(model, crops.frames[:, :, ::-1], crops.times, mode="stream", mirror=True)
    assert other.values == pytest.approx(one.values, abs=1e-5)
    assert other.attention.weights[..., ::-1] == pytest.approx(one.attention.weights, abs=1e-5)


def test_the_mode_is_the_networks_or_the_calls_and_is_checked():
    crops = made_crops(1, frames=30, size=32)[0]
    by_call = VideoReader.load(network()).read(crops, mode="stream")
    loaded = VideoReader.load(network(), mode="stream").read(crops)
    assert np.array_equal(by_call.values, loaded.values) and STREAMED in loaded.notes
    with pytest.raises(StavisError, match="no mode 'all'"):
        VideoReader.load(network(), mode="all")
    with pytest.raises(StavisError, match="leave mode='stream' out"):
        read(nn.Flatten(), crops.frames, crops.times, mode="stream")


class Averagings(nn.Module):
    """Counts the frames that a network averages to its own size."""

    def __init__(self, vision: nn.Module):
        super().__init__()
        self.counted, inner = 0, vision.at_size

        def at_size(frames):
            self.counted += frames.shape[0] * frames.shape[1] if frames.shape[-1] != vision.size else 0
            return inner(frames)

        vision.at_size = at_size


@pytest.mark.parametrize("mirror", [False, True])
def test_every_frame_is_averaged_once_and_to_the_same_numbers(mirror):
    model, crops = network(vision=24), made_crops(1, frames=60, fps=6.25)[0]
    counting = Averagings(model.vision)
    reading = read(model, crops.frames, crops.times, seconds=2.0, batch=2, mirror=mirror)
    assert counting.counted == 60 * (1 + mirror) and reading.values.shape == (60, 1)
    adapter, windows = FramesNetwork.of(model), [np.arange(5), np.arange(3, 8)]
    small = FramesAtSize(adapter, crops.frames, windows, mirror)
    for window in windows:
        images = crops.frames[window][:, :, ::-1] if mirror else crops.frames[window]
        plain = as_input(images)
        given = small.batch([window])
        assert given.shape[-1] == 24 and torch.equal(model(given), model(plain))
    assert not small._kept


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no memory figures of this process here")
def test_pages_of_a_file_that_were_read_are_let_go(tmp_path):
    def mapped() -> int:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("RssFile"))

    np.save(tmp_path / "frames.npy", np.ones(40 << 20, np.uint8))
    frames = np.load(tmp_path / "frames.npy", mmap_mode="r")
    assert int(frames[1:].sum()) == (40 << 20) - 1
    before = mapped()
    release(frames[:10])
    assert before - mapped() > 30 << 10 and frames[-1] == 1
    release(np.ones(3))  # an array in memory stays


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no memory figures of this process here")
def test_pages_that_were_written_to_a_file_are_let_go_and_hold_what_was_written(tmp_path):
    def resident() -> int:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(("RssFile", "RssShmem")))

    maps = zeros((40, 512, 512))
    maps[:] = np.arange(40)[:, None, None]
    before = resident()
    release(maps)
    assert before - resident() > 30 << 10 and maps[:, 3, 4].tolist() == list(range(40))
    np.save(tmp_path / "numbers.npy", np.zeros((64, 64)))
    private = np.load(tmp_path / "numbers.npy", mmap_mode="c")
    private[:] = 7
    release(private)  # changes that lie in memory alone stay
    assert (private == 7).all()


def test_what_grows_with_the_video_lies_on_the_disk():
    small, large = zeros((3, 4)), zeros((1 << 13, 32, 32))
    assert type(small) is np.ndarray and isinstance(large, np.memmap) and not large[::999].any()
    large += 1
    large /= np.full((1 << 13, 1, 1), 2, np.float32)
    assert large[-1, -1, -1] == 0.5
