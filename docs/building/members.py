"""The reference shows what stavis defines: members that a class inherits from another library are left out."""

import nbclient


def setup(app) -> dict:
    """Sphinx calls this."""
    app.connect("autodoc-skip-member", skipped)
    nbclient.NotebookClient.store_widget_state.default_value = False  # pages have live views of their own and load no script for widgets
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def skipped(app, what, name, member, skip, options) -> bool | None:
    """True for a member that another library defines; None where the usual rules decide."""
    function = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
    module = getattr(function, "__module__", None) or type(member).__module__
    return True if what == "class" and not str(module).startswith("stavis") else None
