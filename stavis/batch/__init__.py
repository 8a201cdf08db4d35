"""Batches of notebook reports: from a spec to one folder a report, an index page and tables, on this machine or a cluster."""

from stavis.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
