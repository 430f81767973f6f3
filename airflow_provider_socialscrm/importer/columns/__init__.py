"""Arrow columns as text: converted, cleaned, written as JSON, and what is wrong with their values."""
