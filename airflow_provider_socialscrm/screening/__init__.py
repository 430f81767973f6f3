"""A table's numbers are ordered, awaited and joined with their verdicts. No number is paid for twice. No Airflow."""
