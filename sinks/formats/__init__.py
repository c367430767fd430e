"""
Renders an event as a CloudEvent, an ECS document or an OCSF document; pure. No sink renders these itself.

    rendering.py   the closed set of formats; renders an event in one of them
    ecs.py         an ECS document
    ocsf.py        an OCSF document: its class, and the attributes of every class
    finding.py     the attributes that only a Detection Finding has
    objects.py     the objects of OCSF: device, container, process, evidence
    fields.py      the fields of an event, and which of them have not been mapped
"""

from sinks.formats.ecs import ecs_document
from sinks.formats.rendering import Format, document_of, envelope_of, rendered

__all__ = ["Format", "document_of", "ecs_document", "envelope_of", "rendered"]
