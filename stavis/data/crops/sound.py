"""What is heard while the frames of a recording are shown."""

import numpy as np

from stavis.data.crops.crops import Crops
from stavis.data.video.sound import RATE, Sound, read_sound
from stavis.notes import Notes


def sound_of(crops: Crops, window: slice = slice(None), *, notes: Notes, rate: int = RATE) -> Sound | None:
    """The sound of a recording from the first frame of a window to the end of its last one; None where nothing can be heard.

    What a user must know of it goes to `notes`. A folder of images has none.
    """
    times = np.asarray(crops.times, float)[window]
    if crops.images is not None or len(times) < 2:
        return None
    end = times[-1] + float(np.median(np.diff(times)))
    return read_sound(crops.video, float(times[0]), end, notes=notes, stream=crops.stream, rate=rate, whole=window == slice(None))
