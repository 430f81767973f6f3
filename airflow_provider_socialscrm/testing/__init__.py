"""Runs the DAGs of users' own tests. Only the fixture ``socialscrm_airflow`` needs it."""
