"""
Parse the kernel's OOM reports: lines of the kernel log to facts, and facts to reports.
"""
