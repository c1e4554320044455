"""Mails by the thousand to a real SMTP server that misbehaves, from a worker that is killed."""
