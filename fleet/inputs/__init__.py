"""
Where the events of many hosts come from: a webhook receiver, and a topic of Kafka.
"""
