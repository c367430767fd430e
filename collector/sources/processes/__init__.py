"""
The processes source: which container a process belonged to, and how it ended, from the kernel's process connector.
"""
