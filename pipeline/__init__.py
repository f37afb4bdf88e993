"""What it means to bring a recording into Gong; knows nothing of how the work travels."""

__version__ = "0.1.0"
