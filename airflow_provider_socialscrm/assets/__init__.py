"""The assets that imports update."""
