"""Apache Airflow provider for SocialsCRM, SocialEpoch's WhatsApp CRM."""

__version__ = "0.1.0"
