"""Faults under load: nothing that was acknowledged is lost, nothing is done twice."""
