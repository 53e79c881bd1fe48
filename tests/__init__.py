"""Holdfast's tests; each room has its folder."""
