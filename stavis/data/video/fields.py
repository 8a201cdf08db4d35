"""H.264 that is coded field by field: which packets are the second field of a frame, and so no frame of their own."""

from collections.abc import Iterator

_SLICE, _IDR, _SETTINGS = 1, 5, 7  # types of units
_WITH_CHROMA = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)  # profiles whose settings say how colours are coded
_HEADER = 512  # bytes of a unit that are read: what is asked for lies in its first few, behind scaling lists at worst


class Fields:
    """Takes the packets of a stream in order; `second` tells of each whether it is the second field of the frame before.

    As the decoder pairs them: a field of the other parity with the same frame number, after a field that has no partner yet; a frame
    that decoding can start at begins with its first field.
    """

    def __init__(self, settings: bytes, prefix: int):
        """settings: the stream's extradata; prefix: how many bytes tell the length of a unit of a packet, 0 for start codes."""
        self._prefix = prefix
        self._bits: tuple[int, bool, bool] | None = None
        self._open: tuple[int, int] | None = None  # frame number and parity of a field that has no partner yet
        # With lengths the settings stand after eight bytes of their own.
        for unit in [settings[8:]] if prefix else _units(settings, 0):
            self._learn(unit)

    def second(self, packet) -> bool:
        """Whether a packet (av.Packet) is a second field."""
        if self._bits is not None and not self._bits[2] and self._prefix:
            return False  # whole frames alone; an mp4 says so once for all
        field, begins = None, False
        for unit in _units(bytes(packet), self._prefix):
            self._learn(unit)
            if unit and unit[0] & 31 in (_SLICE, _IDR):
                field, begins = self._field(unit), unit[0] & 31 == _IDR
                break
        paired = field is not None and not begins and self._open == (field[0], 1 - field[1])
        self._open = None if paired else field
        return paired

    def _learn(self, unit: bytes) -> None:
        if unit and unit[0] & 31 == _SETTINGS:
            try:
                self._bits = _slice_layout(_Bits(unit[1:]))
            except IndexError:  # cut short
                self._bits = None

    def _field(self, unit: bytes) -> tuple[int, int] | None:
        """Frame number and parity of a slice, None where it is of a whole frame or cannot be read."""
        if self._bits is None or not self._bits[2]:
            return None
        width, planes, _ = self._bits
        bits = _Bits(unit[1:])
        try:
            for _ in range(3):  # first macroblock, type, picture settings
                bits.golomb()
            bits.take(2 * planes)
            number = bits.take(width)
            return (number, bits.take(1)) if bits.take(1) else None
        except IndexError:
            return None


class _Bits:
    """The bits of a unit, one number after another; IndexError at its end."""

    def __init__(self, unit: bytes):
        self._data = unit.replace(b"\0\0\3", b"\0\0")  # bytes put in so that no start code arises
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def _slice_layout(bits: _Bits) -> tuple[int, bool, bool]:
    """Of a stream's settings: the bits of a frame number, whether colours are coded as planes of their own, whether fields can be."""
    profile, planes = bits.take(8), False
    bits.take(16)
    bits.golomb()
    if profile in _WITH_CHROMA:
        chroma = bits.golomb()
        planes = bool(bits.take(1)) if chroma == 3 else False
        bits.golomb(), bits.golomb(), bits.take(1)
        if bits.take(1):
            for number in range(12 if chroma == 3 else 8):
                _pass_scaling(bits, 16 if number < 6 else 64)
    width = bits.golomb() + 4
    _pass_order(bits)
    bits.golomb(), bits.take(1), bits.golomb(), bits.golomb()
    return width, planes, not bits.take(1)


def _pass_scaling(bits: _Bits, size: int) -> None:
    """Pass over a list of scaling factors, if there is one."""
    last = following = 8
    for _ in range(size if bits.take(1) else 0):
        if following:
            code = bits.golomb()
            following = (last + ((code + 1) // 2 if code % 2 else -(code // 2))) % 256
        last = following or last


def _pass_order(bits: _Bits) -> None:
    """Pass over how the order of showing is coded."""
    kind = bits.golomb()
    if kind == 0:
        bits.golomb()
    elif kind == 1:
        bits.take(1), bits.golomb(), bits.golomb()
        for _ in range(bits.golomb()):
            bits.golomb()


def _units(data: bytes, prefix: int) -> Iterator[bytes]:
    """The first bytes of each unit of a packet, from its type on."""
    at = 0
    while prefix and at + prefix < len(data):
        yield data[at + prefix : at + prefix + _HEADER]
        at += prefix + int.from_bytes(data[at : at + prefix], "big")
    begin = -1 if prefix else data.find(b"\0\0\1")
    while begin >= 0:
        yield data[begin + 3 : begin + 3 + _HEADER]
        begin = data.find(b"\0\0\1", begin + 3)
