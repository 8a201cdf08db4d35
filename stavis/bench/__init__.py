"""The paper's tables: every system trained and scored under one protocol. Nothing outside this folder but the command line needs it."""
