"""The system itself."""
