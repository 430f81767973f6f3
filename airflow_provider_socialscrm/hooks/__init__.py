"""What Airflow's connections become."""
