"""
The pages and `/v1` of the hub: incidents first, then hosts and services.
"""
