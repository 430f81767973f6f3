"""What became of each row: the report, the dead letter, the checkpoint and the progress."""
