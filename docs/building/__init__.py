"""What the documentation builds beside its pages: live pages, the reference of the shell, the check of links."""
