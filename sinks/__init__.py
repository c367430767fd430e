"""
What goes out: the published event, its renderings, and one file per destination. A sink only sends.
"""
