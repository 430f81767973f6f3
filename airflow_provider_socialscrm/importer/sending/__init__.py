"""Rows as calls: chunks, the queue, the engine that sends them, and the decision after each failure."""
