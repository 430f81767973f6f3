"""Pages that this provider adds to Airflow's UI."""
