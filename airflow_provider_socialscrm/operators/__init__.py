"""The tasks this provider brings."""
