"""Networks as the predictor needs them: one interface, and one file for each way in which a network takes video."""
