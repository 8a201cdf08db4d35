"""A bank of log-Gabor filters: how strongly each place of a picture holds detail of each size and direction.

References
----------
Field: Relations between the statistics of natural images and the response properties of cortical cells. JOSA A 1987.
Kovesi: Image features from phase congruency. Videre 1999.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from stavis.errors import StavisError


@dataclass(frozen=True)
class GaborBank:
    """Log-Gabor filters of several scales and orientations.

    shortest: wavelength of the finest scale in px; step: factor between wavelengths; bandwidth: the deviation of the log-Gaussian over
    the centre frequency (.55 is about two octaves); narrowness: angular distance of two orientations over the deviation in angle.
    """

    scales: int = 3
    orientations: int = 6
    shortest: float = 3.0
    step: float = 2.1
    bandwidth: float = 0.55
    narrowness: float = 1.2

    def __len__(self) -> int:
        return self.scales * self.orientations

    def magnitude(self, frames: np.ndarray) -> np.ndarray:
        """The strength of each filter's answer at each pixel of grey frames (T,H,W): (T,F,H,W) float32, 0 or more, scale by scale."""
        if frames.ndim != 3:
            raise StavisError(f"Gabor filters take grey frames (T,H,W), not {frames.shape}.")
        spectrum = fft.fft2(frames.astype(np.float32))[:, None]
        answers = fft.ifft2(spectrum * transfer(self, *frames.shape[1:]), overwrite_x=True)
        return np.abs(answers)


@lru_cache(maxsize=8)
def transfer(bank: GaborBank, height: int, width: int) -> np.ndarray:
    """The filters in the frequency plane of a picture: (F,H,W) float32 in [0,1], 0 at frequency 0, in the order of `fft2`."""
    y, x = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    radius, angle = np.hypot(x, y), np.arctan2(-y, x)
    radius[0, 0] = 1.0
    lowpass = 1 / (1 + (radius / 0.45) ** 30)  # no corners of the plane: they have no direction of their own
    filters = []
    for scale in range(bank.scales):
        centre = 1 / (bank.shortest * bank.step**scale)
        radial = np.exp(-(np.log(radius / centre) ** 2) / (2 * np.log(bank.bandwidth) ** 2)) * lowpass
        radial[0, 0] = 0.0
        for number in range(bank.orientations):
            direction = number * np.pi / bank.orientations
            away = np.abs(np.angle(np.exp(1j * (angle - direction))))
            spread = np.pi / bank.orientations / bank.narrowness
            filters.append(radial * np.exp(-(away**2) / (2 * spread**2)))
    return np.stack(filters).astype(np.float32)
