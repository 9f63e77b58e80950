"""A demo registration portal for Japanese electronic bidding."""

__version__ = "0.1.0"
