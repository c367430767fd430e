"""
The agent: everything that has time, processes, files or sockets. The only package that knows the other two.
"""
