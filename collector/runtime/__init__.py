"""
What makes the agent a service: managers, supervisor, health, watchdog, sd_notify, HTTP.
"""
