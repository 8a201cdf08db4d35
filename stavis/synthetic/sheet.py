"""Contact sheets: many moments of many drawn recordings in one picture."""

from collections.abc import Sequence

import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.recording import render
from stavis.synthetic.spec import SyntheticConfig


def contact_sheet(spec: SyntheticConfig, recordings: Sequence[int], moments: Sequence[float]) -> np.ndarray:
    """One picture of a drawn data set: a row for each recording, a column for each moment; (H,W,3) uint8 RGB.

    recordings: indices into the set; moments: s from the start, each shows the frame that is on the screen then. Frames keep their
    size, so the sheet is len(moments) times as wide and len(recordings) times as high as a frame.

    Raises StavisError where there is no such recording or moment, or none is asked for.
    """
    if not len(recordings) or not len(moments):
        raise StavisError("contact sheet: nothing is asked for: give at least one recording and one moment.")
    for moment in moments:
        if not 0 <= moment < spec.frames / spec.fps:
            raise StavisError(f"contact sheet: there is no moment {moment} s: give times from 0 to below {spec.frames / spec.fps:g} s.")
    chosen = [min(int(moment * spec.fps + 1e-6), spec.frames - 1) for moment in moments]
    return np.concatenate([np.concatenate(list(render(spec, index).frames(chosen)), 1) for index in recordings])
