"""Repositories, models and users that mean harm."""
