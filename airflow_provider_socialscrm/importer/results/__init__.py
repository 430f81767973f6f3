"""Where each row ended: the report, the dead letter, the checkpoint and the progress."""
