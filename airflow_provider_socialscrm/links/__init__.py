"""The links on a task in the UI."""
