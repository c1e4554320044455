"""The microservice chassis: what every service needs, with no business word in it.

Nothing here imports a service or a contract (an import rule says so), and nothing
connects, reads the environment or asks the time when it is imported.
"""
