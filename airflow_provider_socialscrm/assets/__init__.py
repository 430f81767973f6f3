"""Assets that imports update."""
