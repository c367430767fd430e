"""
Carriers of a kernel log line: everything that tools, files and web pages put around it.
"""
