"""What stavis says when it cannot do what was asked: one sentence with the place, what was wrong and the remedy."""

from stavis.printable import printable


class StavisError(Exception):
    """Bad input or a bad surrounding, told in one sentence (what, where, what to do); the shell exits with code 2."""

    def __str__(self) -> str:
        return printable(super().__str__())


class StavisWarning(UserWarning):
    """Something was wrong but the work went on: damage found in a video, labels cut to the video's length."""

    def __str__(self) -> str:
        return printable(super().__str__())
