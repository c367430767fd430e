"""
Reports for people from stored events: `exit137 explain`.

    query.py      which events answer a question, and which others belong to them
    report.py     the content of a report, in reading order
    paragraph.py  its headline: one event as a paragraph
    chart.py      its memory curve
    text.py       the report in a terminal
    markdown.py   the report in a ticket
"""
