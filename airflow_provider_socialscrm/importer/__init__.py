"""An import from a table to calls, with an outcome for each row. Does not use Airflow."""
