"""Columns as the CRM's fields: mapped, checked, normalized and encoded, row by row."""
