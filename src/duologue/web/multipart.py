"""``multipart/form-data`` (RFC 7578 on RFC 2046, section 5.1) that is in memory already: a pure function.

Not by the package python-multipart: that takes a form which breaks off for a whole one (its ``finalize`` checks
nothing), and half a clip would be said.
"""

from __future__ import annotations

from email.message import Message

from duologue.errors import InputError

MEDIA_TYPE = "multipart/form-data"
MAX_PARTS = 16
MAX_HEADERS = 4096
"""Bytes of one part's headers."""


def parse_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts by name. Raises :class:`InputError` for a body that is no such form, or names a part twice."""
    fields = parse_fields(content_type, body)
    for name, given in fields.items():
        if len(given) > 1:
            raise _wrong(f"the form names {name!r} twice")
    return {name: given[0] for name, given in fields.items()}


def parse_fields(content_type: str, body: bytes) -> dict[str, list[bytes]]:
    """The parts by name, each as often as it is there. Raises :class:`InputError` for a body that is no such form."""
    sections = (b"\r\n" + body).split(b"\r\n--" + _boundary(content_type), MAX_PARTS + 2)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        what = f"the form has more than {MAX_PARTS} parts" if len(sections) > MAX_PARTS else "the form breaks off"
        raise _wrong(what)
    found: dict[str, list[bytes]] = {}
    for section in sections[1:-1]:
        name, content = _part(section)
        found.setdefault(name, []).append(content)
    return found


def _boundary(content_type: str) -> bytes:
    header = _header("content-type", content_type or "none")
    if header.get_content_type() != MEDIA_TYPE:
        raise _wrong(f"the body is no form: its content type is {content_type or 'missing'}")
    boundary = header.get_boundary()
    if not boundary or len(boundary) > 70 or not boundary.isascii():  # RFC 2046, 5.1.1
        raise _wrong("the form's boundary is missing or wrong")
    return boundary.encode()


def _part(section: bytes) -> tuple[str, bytes]:
    """What lies between two delimiters: padding, an end of line, headers, an empty line, the content."""
    head, separator, content = section.lstrip(b" \t").partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"\r\n") or len(head) > MAX_HEADERS:
        raise _wrong("a part of the form has no headers")
    for line in head.decode("utf-8", "replace").split("\r\n"):
        field, _, value = line.partition(":")
        if field.strip().lower() == "content-disposition":
            name = _header("content-disposition", value.strip()).get_param("name", header="content-disposition")
            if isinstance(name, str) and name:
                return name, content
    raise _wrong("a part of the form has no name")


def _header(field: str, value: str) -> Message:
    message = Message()
    message[field] = value
    return message


def _wrong(what: str) -> InputError:
    return InputError(what, where="body", remedy="Send multipart/form-data as `curl -F` does.")
