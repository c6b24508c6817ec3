"""Where candidates come from: files and servers that are there."""
