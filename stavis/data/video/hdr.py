"""HDR video (HLG, PQ) and wide colours brought to SDR BT.709: published transfer functions, then a soft knee above reference white.

Transfer functions, the opto-optical function of HLG and its system gamma: ITU-R BT.2100-2, tables 4 and 5, at a peak of 1000 cd/m².
Reference white is 203 cd/m² (ITU-R BT.2408-7, 3.2): what was SDR before it was carried in HDR comes back as it was, and what is
brighter is compressed into the last 5 % of the code range, hues kept. Colours outside BT.709 are cut off.
"""

from functools import cache

import av
import cv2
import numpy as np

WHITE = 203.0
"""Reference white, cd/m²: SDR code 1."""
PEAK = 1000.0
"""The peak of the display that HLG is shown on, cd/m²."""
SDR_GAMMA = 2.3
"""SDR is graded for displays of 2.4 (BT.1886) and of about 2.2 (sRGB): between them the error is below 4 levels for either."""
WIDE_GAMMA = 2.4
"""SDR of wider colours is decoded and coded again by BT.1886, as ITU-R BT.2087 does."""
KNEE = 0.95
"""The SDR code from which brightness is compressed."""

_PQ, _HLG = 16, 18  # codes of ITU-T H.273
_BT2020, _P3 = 9, 12
_BT2020_MATRIX, _UNSPECIFIED = 9, 2
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
_TO_BT709 = {
    _BT2020: np.array([[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]),
    _P3: np.array([[1.224940, -0.224940, 0.0], [-0.042057, 1.042057, 0.0], [-0.019638, -0.078636, 1.098274]]),
}
_STEPS = 4096
_BRIGHTEST = 16.0  # of the table of gains, in units of reference white


def colour_note(frame: av.VideoFrame) -> str:
    """What is to be said of a decoded frame's colours: '' for SDR in BT.709 or BT.601."""
    if frame.color_trc in (_PQ, _HLG):
        name = "HLG" if frame.color_trc == _HLG else "PQ"
        return f"it is HDR ({name}), and its colours were mapped to SDR (BT.709)"
    if frame.color_primaries in _TO_BT709:
        return "its colours are wider than BT.709 and were mapped to BT.709"
    return ""


def needs_mapping(frame: av.VideoFrame) -> bool:
    """Whether a decoded frame is HDR or has colours wider than BT.709."""
    return frame.color_trc in (_PQ, _HLG) or frame.color_primaries in _TO_BT709


def sdr_image(frame: av.VideoFrame, width: int, height: int, interpolation: str) -> np.ndarray:
    """A frame that needs mapping as (height, width, 3) uint8 RGB, SDR BT.709."""
    hdr = frame.color_trc in (_PQ, _HLG)
    more = {"src_colorspace": _BT2020_MATRIX} if frame.colorspace == _UNSPECIFIED and (hdr or frame.color_primaries == _BT2020) else {}
    coded = frame.to_ndarray(format="rgb48le", width=width, height=height, interpolation=interpolation, **more)
    return mapped(coded, frame.color_trc, frame.color_primaries)


def mapped(coded: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """Coded RGB (H,W,3) uint16 as SDR BT.709 uint8; transfer and primaries as H.273 numbers them (18 HLG, 16 PQ; 9 BT.2020, 12 P3)."""
    linear = _linear(transfer)[coded]
    hdr = transfer in (_PQ, _HLG)
    if transfer == _HLG:  # from the scene's light to the display's
        luma = cv2.transform(linear, _LUMA[None])
        linear *= (luma**0.2 * np.float32(PEAK / WHITE))[..., None]
    matrix = _TO_BT709.get(primaries, _TO_BT709[_BT2020] if hdr else np.eye(3))
    light = np.maximum(cv2.transform(linear, matrix.astype(np.float32)), 0)
    if hdr:
        top = light.max(2)
        places = np.minimum(np.sqrt(top) * np.float32((_STEPS - 1) / np.sqrt(_BRIGHTEST)) + 0.5, _STEPS - 1).astype(np.uint16)
        light *= np.minimum(_gains()[places], 1 / np.maximum(top, np.float32(1e-6)))[..., None]
    places = (np.sqrt(np.minimum(light, 1)) * (_STEPS - 1) + 0.5).astype(np.uint16)
    return _codes(SDR_GAMMA if hdr else WIDE_GAMMA)[places]


@cache
def _linear(transfer: int) -> np.ndarray:
    """Linear light of 65536 codes: PQ and SDR in units of reference white, HLG the scene's light from 0 to 1."""
    code = np.linspace(0, 1, 1 << 16)
    if transfer == _PQ:
        power = code ** (1 / 78.84375)
        light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125) * 10_000 / WHITE
    elif transfer == _HLG:
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    else:
        light = code**WIDE_GAMMA
    return light.astype(np.float32)


@cache
def _gains() -> np.ndarray:
    """By how much light is dimmed whose brightest channel, in units of reference white, is (k/4095)^2 of the brightest."""
    light = np.linspace(0, 1, _STEPS) ** 2 * _BRIGHTEST
    code = light ** (1 / SDR_GAMMA)
    room = 1 - KNEE
    bent = np.where(code <= KNEE, code, KNEE + room * -np.expm1(-(code - KNEE) / room))
    return np.divide(bent**SDR_GAMMA, light, out=np.ones_like(light), where=light > 0).astype(np.float32)


@cache
def _codes(gamma: float) -> np.ndarray:
    """SDR codes (uint8) of light (k/4095)^2."""
    return np.rint(255 * np.linspace(0, 1, _STEPS) ** (2 / gamma)).astype(np.uint8)
