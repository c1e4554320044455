"""Auth at work."""
