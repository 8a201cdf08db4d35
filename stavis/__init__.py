"""stavis: see, and judge, the attention of a video network on faces.

Everything named here is loaded when it is first used, so that `import stavis` takes no time.
"""

from stavis.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
