"""Networks whose answers are known by construction, to see that a verdict comes out right on them."""
