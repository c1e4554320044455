"""Pages in a real browser: on a phone without script, and looked over for accessibility."""
