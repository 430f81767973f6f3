"""Speaks to SocialsCRM: signing, one call, its answer. Knows no Airflow, no DataFrame and no retry."""
