"""Recipes and profiles: what a method is and which models play its parts, as data."""
