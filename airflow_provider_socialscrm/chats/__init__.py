"""The messages of an interval, read page by page into a file. No Airflow."""
