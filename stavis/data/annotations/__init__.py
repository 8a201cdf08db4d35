"""What was annotated in a recording: excluded ranges, events, tiers of spans and points; its files and its use as a unit."""
