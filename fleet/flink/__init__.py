"""
The incidents of a fleet as a job on Apache Flink; what decides is `fleet/incidents`, as in the hub.
"""
