"""What the console does; knows no widget."""

__version__ = "0.1.0"
