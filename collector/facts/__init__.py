"""
Facts: everything that a source can say, as one closed union, `Fact`, of immutable records.

A fact is an observation, never a conclusion. Times are nanoseconds of the wall clock since 1970. Every fact has
`occurred_at_ns`: when what it describes happened, or was seen where it describes a state; None where nobody knows.
"""
