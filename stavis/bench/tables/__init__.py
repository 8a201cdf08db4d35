"""The bench without `--data`: the named contrasts, each on the data of its scenario, then all scenarios together."""
