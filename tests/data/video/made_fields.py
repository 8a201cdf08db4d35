"""H.264 that is coded field by field, as camcorders do: every block uncompressed, so that a test can write it."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

START = b"\0\0\0\1"


class _Bits:
    def __init__(self):
        self.text = ""

    def u(self, count: int, value: int):
        self.text += f"{value:0{count}b}" if count else ""
        return self

    def ue(self, *values: int):
        for value in values:
            self.u(2 * (value + 1).bit_length() - 1, value + 1)
        return self

    def aligned(self) -> bytes:
        self.text += "0" * (-len(self.text) % 8)
        return int(self.text, 2).to_bytes(len(self.text) // 8, "big")

    def ended(self) -> bytes:
        return self.u(1, 1).aligned()


def _unit(head: int, data: bytes) -> bytes:
    out, zeros = bytearray(), 0
    for byte in data:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return START + bytes([head]) + bytes(out)


def _settings(width: int, height: int) -> bytes:
    first = _Bits().u(8, 77).u(8, 0).u(8, 40).ue(0, 0, 0, 0, 2).u(1, 0).ue(width // 16 - 1, height // 32 - 1)
    first.u(5, 0b00101)  # fields; no cropping; what follows is the rate
    first.u(4, 0).u(1, 1).u(32, 1).u(32, 50).u(1, 1).u(4, 0)
    second = _Bits().ue(0, 0).u(2, 0).ue(0, 0, 0).u(3, 0).ue(0, 0, 0).u(3, 0b100)
    return _unit(0x67, first.ended()) + _unit(0x68, second.ended())


def _field(image: np.ndarray, number: int, parity: int) -> bytes:
    """One field of a grey picture: a key frame begins with its first one."""
    rows = image[parity::2]
    head = _Bits().ue(0, 7, 0).u(4, 0).u(2, 2 + parity)
    if parity == 0:
        head.ue(number % 2)
    head.u(4, parity)
    head.u(2 if parity == 0 else 1, 0).ue(0, 1)
    data = b""
    for y in range(0, rows.shape[0], 16):
        for x in range(0, rows.shape[1], 16):
            data += (head if not data else _Bits()).ue(25).aligned()
            data += rows[y : y + 16, x : x + 16].tobytes() + bytes([128] * 128)
    return _unit(0x61 if parity else 0x65, data + b"\x80")


def fields(images: list[np.ndarray]) -> list[tuple[bytes, bytes]]:
    """Both fields of each image (H,W,3): width in whole 16, height in whole 32 pixels."""
    made = []
    for number, image in enumerate(images):
        grey = np.ascontiguousarray(image[..., 0])
        first, second = (b"\0\0\0\1\x09\x10", _settings(*grey.shape[::-1]), _field(grey, number, 0)), _field(grey, number, 1)
        made.append((b"".join(first), b"\0\0\0\1\x09\x10" + second))
    return made


def field_coded(path: Path, images: list[np.ndarray], each: bool, **options: str) -> Path:
    """A file of 25 frames a second from 1 s on; each: a packet for each field, else one for both; options of the container."""
    made = fields(images)
    raw = path.with_suffix(".h264")
    raw.write_bytes(b"".join(b"".join(pair) for pair in made))
    with av.open(str(raw)) as source, av.open(str(path), "w", options=options) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for number, pair in enumerate(made):
            for k, data in enumerate(pair if each else [b"".join(pair)]):
                packet = av.Packet(data)
                packet.stream, packet.time_base = stream, Fraction(1, 90_000)
                packet.pts = packet.dts = 90_000 + 3600 * number + 1800 * k
                packet.duration, packet.is_keyframe = 1800 if each else 3600, k == 0
                out.mux(packet)
    return path
