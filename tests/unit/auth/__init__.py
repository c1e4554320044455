"""Auth's rules."""
