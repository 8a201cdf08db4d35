"""stavis: see, and judge, the attention of a video network on faces.

Everything named here is loaded when it is first used, so that `import stavis` takes no time.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
