"""
Sample the memory of containers and read their processes.
"""
