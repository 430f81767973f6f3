"""What a running task needs from Airflow: task state, progress, metrics, lineage, outlets, paths, hidden tables."""
