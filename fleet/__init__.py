"""
Many hosts: the events of the agents in, incidents of the fleet out. Imports collector and sinks; nothing imports it.
"""
