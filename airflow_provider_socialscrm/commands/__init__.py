"""What a person starts by hand: ``python -m airflow_provider_socialscrm check customers.csv``."""
