"""Triggers that wait for SocialsCRM in Airflow's triggerer. They only read; none sends anything."""
