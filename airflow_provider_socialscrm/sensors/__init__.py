"""Sensors that wait for SocialsCRM."""
