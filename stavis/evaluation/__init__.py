"""Predictions against labels: scores under both protocols, and the post-processing of predictions."""
