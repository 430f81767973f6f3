"""Anything tabular as record batches of bounded size: tables in memory, and files of each kind."""
