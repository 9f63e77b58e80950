"""bridged: a web page signs with the IC card in the reader."""

__version__ = "0.1.0"
