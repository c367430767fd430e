"""
/v1, which the running agent serves, and a client of it. Reads the agent's state and its store; never writes.
"""
