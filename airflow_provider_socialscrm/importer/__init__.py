"""Turns a table into settled rows. Knows no Airflow."""
