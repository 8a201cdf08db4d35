"""Laws of layouts: a tensor made from known maps by any layout is read as those maps, and what fits in no or two ways is refused."""

import pytest
import torch
from torch import nn

from stavis.attention.hooks import inject_attention, record_attention
from stavis.attention.layouts import RunShape, fit, guess, parse_layout
from stavis.errors import StavisError
from tests.attribution.networks import nothing_left

B, T, H, W = 2, 4, 3, 6
RUN = RunShape(B, T, (30, 60))


def known_maps(batch=B, time=T, height=H, width=W, seed=0):
    scores = torch.randn(batch, time, height * width, generator=torch.Generator().manual_seed(seed))
    return scores.softmax(2).unflatten(2, (height, width))


def token_attention(batch, heads, tokens, seed=0):
    return torch.randn(batch, heads, tokens, tokens, generator=torch.Generator().manual_seed(seed)).mul(2).softmax(3)


PLAIN = {
    "b t h w": lambda maps: maps,
    "b 1 t h w": lambda maps: maps[:, None],
    "b t 1 h w": lambda maps: maps[:, :, None],
    "(b t) 1 h w": lambda maps: maps.flatten(0, 1)[:, None],
    "(b t) h w": lambda maps: maps.flatten(0, 1),
    "(t b) h w": lambda maps: maps.transpose(0, 1).flatten(0, 1),
    "b t (h w)": lambda maps: maps.flatten(2),
    "b (t h w)": lambda maps: maps.flatten(1),
    "(b t) (h w)": lambda maps: maps.flatten(0, 1).flatten(1),
    "t b w h": lambda maps: maps.permute(1, 0, 3, 2),
    "h w b t": lambda maps: maps.permute(2, 3, 0, 1),
    "b h w t": lambda maps: maps.permute(0, 2, 3, 1),
    "(b t) (1 + h w)": lambda maps: torch.cat([torch.ones(B * T, 1), maps.flatten(0, 1).flatten(1)], 1),
}


@pytest.mark.parametrize("layout", PLAIN)
def test_maps_of_any_layout_are_read_and_written(layout):
    maps, other = known_maps(), known_maps(seed=1)
    tensor = PLAIN[layout](maps)
    fitted = fit(parse_layout(layout), tensor.shape, RUN)
    torch.testing.assert_close(fitted.to_maps(tensor), maps)
    torch.testing.assert_close(fitted.from_maps(other, tensor), PLAIN[layout](other))


@pytest.mark.parametrize("heads", [1, 3])
def test_token_attention_is_the_mean_over_heads_and_queries(heads):
    weights = token_attention(B, heads, T * H * W)
    maps = fit(parse_layout("b heads (t h w) (t h w)"), weights.shape, RUN).to_maps(weights)
    torch.testing.assert_close(maps, weights.mean((1, 2)).reshape(B, T, H, W))
    folded = fit(parse_layout("(b heads) (t h w) (t h w)"), (B * heads, T * H * W, T * H * W), RUN).to_maps(weights.flatten(0, 1))
    torch.testing.assert_close(folded, maps)


def test_the_class_token_is_the_query_where_there_is_one():
    weights = token_attention(B, 3, 1 + T * H * W)
    maps = fit(parse_layout("b heads (1 + t h w) (1 + t h w)"), weights.shape, RUN).to_maps(weights)
    torch.testing.assert_close(maps, weights[:, :, 0, 1:].mean(1).reshape(B, T, H, W))
    pooled = fit(parse_layout("b heads q (1 + t h w)"), weights.shape, RUN).to_maps(weights)
    torch.testing.assert_close(pooled, weights[..., 1:].mean((1, 2)).reshape(B, T, H, W))


def test_registers_beside_the_class_token_are_left_out():
    weights = token_attention(B * T, 2, 5 + H * W)
    maps = fit(parse_layout("(b t) heads (5 + h w) (5 + h w)"), weights.shape, RUN).to_maps(weights)
    torch.testing.assert_close(maps, weights[:, :, 0, 5:].mean(1).reshape(B, T, H, W))


def test_injected_tokens_keep_the_mass_of_each_row_and_frame():
    weights, other = token_attention(B, 2, T * H * W), known_maps(seed=2)
    fitted = fit(parse_layout("b heads (t h w) (t h w)"), weights.shape, RUN)
    written = fitted.from_maps(other, weights)
    torch.testing.assert_close(written.sum(3), weights.sum(3))
    torch.testing.assert_close(written.unflatten(3, (T, -1)).sum(4), weights.unflatten(3, (T, -1)).sum(4))
    read = fitted.to_maps(written)
    torch.testing.assert_close(read / read.sum((2, 3), keepdim=True), other)


def test_only_the_class_row_is_replaced_where_it_is_what_is_read():
    weights, other = token_attention(B * T, 2, 1 + H * W), known_maps(seed=3)
    fitted = fit(parse_layout("(b t) heads (1 + h w) (1 + h w)"), weights.shape, RUN)
    written = fitted.from_maps(other, weights)
    assert torch.equal(written[:, :, 1:], weights[:, :, 1:])
    assert torch.equal(written[:, :, 0, 0], weights[:, :, 0, 0])
    torch.testing.assert_close(written.sum(3), weights.sum(3))
    read = fitted.to_maps(written)
    torch.testing.assert_close(read / read.sum((2, 3), keepdim=True), other)


def test_tubelets_and_grids_follow_from_the_frames():
    run = RunShape(1, 16, (224, 224))
    one = fit(parse_layout("b heads (t h w) (t h w)"), (1, 12, 16 * 196, 16 * 196), run)
    assert one.sizes == {"b": 1, "heads": 12, "t": 16, "h": 14, "w": 14}
    with pytest.raises(StavisError, match=r"t=8 h=14 w=14 or t=2 h=28 w=28.*add the sizes"):
        fit(parse_layout("b heads (t h w) (t h w)"), (1, 12, 1568, 1568), run)
    two = fit(parse_layout("b heads (t h w) (t h w), t=8"), (1, 12, 1568, 1568), run)
    assert two.sizes == {"b": 1, "heads": 12, "t": 8, "h": 14, "w": 14}


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("b t c w", "no axis 'c'"),
        ("b t", "name a module that attends to places"),
        ("(b h w) heads t t", "says when and not where"),
        ("b heads n n", "no axis 'n'"),
        ("b (t h w", "parentheses"),
        ("b t)(h w", "parentheses"),
        ("b (t h + 1 w)", "cannot be read"),
        ("b 1 + t h w", "cannot be read"),
        ("b b t h w", "too often"),
        ("b h h w", "different number of times"),
        ("b (t h w) (h w)", "queries hold an axis"),
        ("b t h w, h", "sizes after the comma"),
        ("b t h w, c=3", "sizes after the comma"),
        ("", "parentheses"),
        (5, "give text"),
    ],
)
def test_layouts_that_are_none_are_refused(layout, words):
    with pytest.raises(StavisError, match=words):
        parse_layout(layout)


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        ("b t h w", (3, T, H, W)),
        ("b t h w", (B, T, H * W)),
        ("(b t) h w", (7, H, W)),
        ("b t (h w)", (B, T, 17)),
        ("b heads (1 + t h w) (1 + t h w)", (B, 2, T * H * W, T * H * W)),
        ("b t h w, h=4", (B, T, H, W)),
    ],
)
def test_a_layout_of_another_shape_is_refused(layout, shape):
    with pytest.raises(StavisError, match=r"does not fit the attention's shape .* of 2 clips of 4 frames"):
        fit(parse_layout(layout), shape, RUN)


def test_a_guess_is_one_reading_or_none():
    run = RunShape(1, 4, (64, 64))
    assert [one.layout.text for one in guess((1, 4, 8, 8), run)] == ["b t h w"]
    assert len(guess((1, 4, 4), run)) == 2  # flat 2x2 maps of four frames, or one frame of 4x4
    assert guess((1, 12, 4, 4), run) == []
    assert guess((1, 4, 17), run) == []


class Looks(nn.Module):
    """A network whose module `look` passes on what `make` makes of the frames; the prediction reads it."""

    def __init__(self, make, module=None):
        super().__init__()
        self.look = module or nn.Identity()
        self.make = make

    def forward(self, frames):
        given = self.look(self.make(frames))
        flat = given.flatten(1)
        return (flat * torch.arange(flat.shape[1])).sum(1)[:, None, None].expand(-1, frames.shape[1], 1)


SPACE = "(b t) (h w) (h w)"
FRAMES = torch.rand(1, 4, 3, 64, 64, generator=torch.Generator().manual_seed(1))

REFUSED = {
    "temporal": (lambda frames: torch.full((1, 4, 4), 0.25), "frames to frames: name one that attends to places"),
    "temporal heads": (lambda frames: torch.full((1, 2, 4, 4), 0.25), "frames to frames"),
    "as many heads as frames": (lambda frames: torch.full((1, 4, 4, 4), 0.25), "frames to frames"),
    "tokens": (lambda frames: token_attention(1, 8, 64), "attention among 64 tokens.*layout="),
    "tokens of few heads": (lambda frames: token_attention(1, 2, 64), "attention among 64 tokens.*layout="),
    "features": (lambda frames: torch.rand(1, 4, 8, 8), "as features do .name another module.*layout="),
    "signed features": (lambda frames: torch.randn(1, 4, 8, 8), "negative"),
    "channels": (lambda frames: torch.rand(4, 32, 8, 8), "fits no layout of maps"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_map_is_refused_without_a_layout(name):
    make, words = REFUSED[name]
    model = Looks(make)
    with pytest.raises(StavisError, match=words), record_attention(model, "look"):
        model(FRAMES)
    assert nothing_left(model)


def test_a_guess_is_noted_and_a_layout_is_not():
    model = Looks(lambda frames: known_maps(1, 4, 8, 8).flatten(0, 1)[:, None])
    with record_attention(model, "look") as guessed:
        model(FRAMES)
    assert guessed.notes == ("the output of Identity was read as layout '(b t) 1 h w': give it if that is right, another if not.",)
    with record_attention(model, "look", layout="(b t) 1 h w") as named:
        model(FRAMES)
    assert named.notes == ()
    assert torch.equal(named.weights, guessed.weights)


@pytest.mark.parametrize("shape", [(1, 4, 4, 4), (4, 4, 4), (4, 1, 4, 4)])
def test_maps_as_large_as_there_are_frames_are_told_from_temporal_attention(shape):
    maps = known_maps(1, 4, 4, 4)
    model = Looks(lambda frames: maps.reshape(shape))
    with record_attention(model, "look") as recorder:
        model(FRAMES)
    torch.testing.assert_close(recorder.weights, maps)


def test_token_attention_is_recorded_by_frame_and_its_mass_is_noted():
    weights = token_attention(1, 2, 1 + 4 * 64)
    model = Looks(lambda frames: weights)
    with record_attention(model, "look", layout="b heads (1 + t h w) (1 + t h w)") as recorder:
        model(FRAMES)
    row = weights[0, :, 0, 1:].mean(0).reshape(4, 8, 8)
    torch.testing.assert_close(recorder.weights[0], row / row.sum((1, 2), keepdim=True))
    assert "lie in a frame: each frame's map is divided by its sum" in recorder.notes[0]


def test_calls_of_one_frame_each_are_collected_in_time():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.look = nn.Softmax(3)

        def forward(self, frames):
            scores = [frame.mean(1)[..., ::8, ::8].flatten(1) for frame in frames.unbind(1)]
            seen = [self.look(one[:, None, None] * one[:, None, :, None]) for one in scores]  # b heads n n
            return torch.stack([one.amax((1, 2, 3)) for one in seen], 1)[..., None]

    model = Loop()
    with record_attention(model, "look", layout="b heads (h w) (h w)") as recorder:
        own = model(FRAMES)
    assert recorder.weights.shape == (1, 4, 8, 8)
    with inject_attention(model, recorder.weights.flip(1), "look", layout="b heads (h w) (h w)"):
        assert not torch.allclose(model(FRAMES), own)


def test_tubelets_are_spread_over_their_frames_and_injected_as_their_mean():
    maps = known_maps(1, 2, 8, 8)
    model = Looks(lambda frames: maps)
    with record_attention(model, "look", layout="b t h w") as recorder:
        model(FRAMES)
    assert torch.equal(recorder.weights, maps.repeat_interleave(2, 1))
    assert recorder.notes == ("the attention has 2 steps in time for 4 frames: each is shown for 2 frames.",)
    with inject_attention(model, recorder.weights.flip(1), "look", layout="b t h w"):
        flipped = model(FRAMES)
    torch.testing.assert_close(flipped[0, 0, 0], (maps.flip(1).flatten() * torch.arange(maps.numel())).sum())
    with pytest.raises(StavisError, match="maps for 2 of 4 frames"), record_attention(model, "look"):
        model(FRAMES)


def test_more_calls_than_frames_are_refused():
    class Twice(Looks):
        def forward(self, frames):
            return super().forward(frames) + super().forward(frames)

    model = Twice(lambda frames: known_maps(1, 4, 8, 8))
    with pytest.raises(StavisError, match="ran 2 times and gave maps for 8 of 4 frames"), record_attention(model, "look"):
        model(FRAMES)


def test_two_runs_of_tubelets_are_no_silent_halves_of_a_clip():
    class Twice(Looks):
        def forward(self, frames):
            return super().forward(frames) + super().forward(frames)

    model = Twice(lambda frames: known_maps(1, 2, 8, 8))
    with record_attention(model, "look", layout="b t h w") as recorder:
        model(FRAMES)
    assert any("ran 2 times: its maps are taken for parts of the clip, one after another" in note for note in recorder.notes)


def test_a_grid_that_was_worked_out_by_taking_fewer_steps_in_time_is_said():
    model = Looks(lambda frames: torch.full((1, 2, 32, 32), 1 / 32))  # 4 frames of 2 x 4 cells, or 2 steps of 4 x 4
    layout = "b heads (t h w) (t h w)"
    with record_attention(model, "look", layout=layout) as recorder:
        model(FRAMES)
    assert f"The layout {layout!r} is read as t=2 h=4 w=4: add the sizes where the grid is another." in recorder.notes
    with record_attention(model, "look", layout=f"{layout}, t=4 h=2 w=4") as recorder:
        model(FRAMES)
    assert recorder.weights.shape == (1, 4, 2, 4) and not any("is read as" in note for note in recorder.notes)


class Attends(nn.Module):
    def __init__(self, need_weights=True, dropout=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.attend = nn.Conv2d(3, 8, 8, 8), nn.MultiheadAttention(8, 2, dropout, batch_first=True)
        self.need_weights = need_weights

    def forward(self, frames):
        tokens = self.embed(frames.flatten(0, 1)).flatten(2).transpose(1, 2)
        read, self.seen = self.attend(tokens, tokens, tokens, need_weights=self.need_weights)
        return read.mean((1, 2)).unflatten(0, frames.shape[:2])[..., None]


@pytest.mark.parametrize("need_weights", [True, False])
def test_the_weights_of_multihead_attention(need_weights):
    model = Attends(need_weights).eval()
    with torch.no_grad():
        own, seen = model(FRAMES), Attends().eval()
        seen(FRAMES)
        expected = seen.seen.mean(1).unflatten(1, (8, 8))
        with record_attention(model, "attend", layout=SPACE) as recorder:
            torch.testing.assert_close(model(FRAMES), own)
        torch.testing.assert_close(recorder.weights[0], expected)
        with inject_attention(model, recorder.weights, "attend", layout=SPACE):
            torch.testing.assert_close(model(FRAMES), own, rtol=0, atol=1e-6)
        with inject_attention(model, recorder.weights.flip(3), "attend", layout=SPACE):
            assert not torch.allclose(model(FRAMES), own, rtol=0, atol=1e-5)


def test_a_result_whose_weights_come_from_elsewhere_is_refused():
    class Beside(nn.Module):
        def forward(self, maps):
            return maps.amax((2, 3)), maps

    model = Looks(lambda frames: known_maps(1, 4, 8, 8), nn.Sequential(Beside()))
    model.forward = lambda frames: model.look(model.make(frames))[0][..., None]
    with (
        pytest.raises(StavisError, match="no longer change"),
        inject_attention(model, known_maps(1, 4, 8, 8), "look.0", layout="b t h w"),
    ):
        model(FRAMES)


def test_dropout_in_the_attention_is_refused_while_it_is_on():
    model = Attends(dropout=0.5).train()
    with (
        pytest.raises(StavisError, match=r"dropout is on .* model.eval\(\)"),
        record_attention(model, "attend", layout=SPACE),
    ):
        model(FRAMES)
    assert model.training


def test_wrapped_and_half_precision_models_are_seen_through():
    model = Looks(lambda frames: known_maps(1, 4, 8, 8).half())
    wrapped = nn.DataParallel(model)
    with record_attention(wrapped, "look", layout="b t h w") as recorder:
        wrapped(FRAMES)
    assert recorder.weights.dtype == torch.float32
    torch.testing.assert_close(recorder.weights.sum((2, 3)), torch.ones(1, 4), rtol=0, atol=1e-3)
    assert recorder.notes == ()
