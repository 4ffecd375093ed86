"""pdp: a person's health exports, one trustworthy row per day."""

__version__ = "0.1.0"
