"""Mass sends from end to end: each task of the CRM is created once, whatever becomes of its calls. No Airflow."""
