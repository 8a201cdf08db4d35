"""Batches of notebook reports: from a spec to one folder a report, an index page and tables, on this machine or a cluster."""
