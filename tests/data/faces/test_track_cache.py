"""Laws of the kept tracks: the same as followed anew, whichever face is asked for, and made again where the file is damaged."""

import numpy as np
import pytest

from stavis.data.faces import track_cache
from stavis.data.faces.detections import Detections
from stavis.data.faces.following import track_faces
from stavis.data.faces.networks.backends import BACKENDS
from stavis.data.faces.track_cache import load_or_track
from stavis.data.video.io import probe
from stavis.errors import StavisError
from stavis.storage.cache import file_hash

ARRAYS = (
    "times",
    "boxes",
    "landmarks",
    "score",
    "valid",
    "affine",
    "blendshapes",
    "rows",
    "numbers",
    "all_boxes",
    "all_landmarks",
    "all_scores",
)


@pytest.fixture
def clip(real_clips):
    return real_clips / "intel_asl_yes.mkv"


@pytest.fixture
def once(monkeypatch):
    """Counts how often a video is followed."""
    count, follow = [], track_cache.follow_faces

    def counting(*args, **options):
        count.append(1)
        return follow(*args, **options)

    monkeypatch.setattr(track_cache, "follow_faces", counting)
    return count


@pytest.mark.real_clips
def test_what_is_kept_is_what_is_seen(clip, face_model, once):
    info, digest = probe(clip), file_hash(clip)
    first = load_or_track(info, digest, model=face_model)
    again = load_or_track(info, digest, model=face_model)
    anew = track_faces(clip, model=face_model)
    for kept in (first.tracks, again.tracks):
        assert all(np.array_equal(getattr(kept, name), getattr(anew, name), equal_nan=True) for name in ARRAYS)
        assert (kept.notes, kept.number, kept.count) == (anew.notes, anew.number, anew.count)
    assert len(once) == 1 and again.seconds == first.seconds > 0
    load_or_track(info, digest, model=face_model, choose=0)
    assert len(once) == 1
    with pytest.raises(StavisError, match="there is no face 7"):
        load_or_track(info, digest, model=face_model, choose=7)

    (again.folder / "sightings.npz").write_bytes(b"cut")
    mended = load_or_track(info, digest, model=face_model)
    assert len(once) == 2 and np.array_equal(mended.tracks.landmarks, anew.landmarks, equal_nan=True)


@pytest.mark.parametrize("choose", [-1, True, "smallest", (1.0,)])
def test_a_choice_that_cannot_be_is_refused_before_any_work(choose, once):
    with pytest.raises(StavisError, match="cannot be chosen"):
        load_or_track(None, "", model=None, choose=choose)
    assert not once


def test_an_unknown_backend_is_refused():
    with pytest.raises(StavisError, match=BACKENDS[0]):
        load_or_track([], "", model=None, backend="brain")


@pytest.mark.real_clips
def test_what_was_said_while_following_is_said_again(clip, face_model, monkeypatch):
    def warns(*args, notes, **options):
        notes.add("frame 3 is damaged.")
        return iter(())

    monkeypatch.setattr(track_cache, "follow_faces", warns)
    for _ in range(2):
        assert load_or_track(probe(clip), "of its own", model=face_model).notes == ("frame 3 is damaged.",)


def test_sightings_that_do_not_belong_together_are_refused():
    arrays = Detections().arrays()
    assert Detections.of(arrays).tracks("largest").number is None
    with pytest.raises(ValueError):
        Detections.of(arrays | {"boxes": np.zeros((1, 4), np.float32)})
    with pytest.raises(ValueError):
        Detections.of(arrays | {"notes": np.array(["x"])})
