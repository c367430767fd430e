"""
The Docker source: the event stream, inspections and log tails of one engine.

transport.py is the only module that imports the docker library.
"""
