"""Offline pages: one recording, a batch, a verdict."""
