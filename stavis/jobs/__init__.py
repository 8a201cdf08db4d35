"""One file a command of the shell, named as the command and its function; each name is loaded when it is first used."""

from stavis.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
