"""Plots that we paint ourselves."""
