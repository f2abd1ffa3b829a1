"""Asking a server, and reading what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Meta

from saltern.sdk import BadArgument, Host, NotFound, Request, Response, SalternError
from saltern.sdk.http import LIMIT

Decode = Literal["auto", "json", "xml", "yaml", "plain"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and what is wanted of the answer."""

    method: Annotated[str, Meta(description="GET, POST, …")] = "GET"
    params: Annotated[dict[str, Any] | str | None, Meta(description="added to the URL")] = None
    data: Annotated[Any, Meta(description="the body: text, or a mapping to be sent as a form")] = None
    data_file: Annotated[str | None, Meta(description="a file, or salt://…, to send as the body")] = None
    data_render: Annotated[bool, Meta(description="render the body as a template")] = False
    data_renderer: Annotated[str, Meta(description="the template engine for it")] = "jinja"
    template_dict: Annotated[dict[str, Any] | None, Meta(description="names for templates")] = None
    header_dict: Annotated[dict[str, Any] | None, Meta(description="headers")] = None
    header_list: Annotated[list[str] | None, Meta(description="headers, written Name: value")] = None
    header_file: Annotated[str | None, Meta(description="a file of headers, one a line")] = None
    username: Annotated[str | None, Meta(description="an account")] = None
    password: Annotated[str | None, Meta(description="its password; shown nowhere")] = None
    cert: Annotated[str | None, Meta(description="one's own certificate with its key: a path")] = None
    verify_ssl: Annotated[bool, Meta(description="check the server's certificate")] = True
    ca_bundle: Annotated[str | None, Meta(description="the authorities to trust: a path")] = None
    agent: Annotated[str | None, Meta(description="what to be called; saltern")] = None
    timeout: Annotated[float, Meta(description="seconds that may pass without a byte")] = 30.0
    follow_redirects: Annotated[bool, Meta(description="go where the answer sends us")] = True
    max_body: Annotated[int, Meta(description="bytes of an answer that are taken")] = LIMIT
    status: Annotated[bool, Meta(description="return the status")] = False
    headers: Annotated[bool, Meta(description="return the headers")] = False
    text: Annotated[bool, Meta(description="return the body as text")] = False
    decode: Annotated[bool, Meta(description="return the body as data")] = False
    decode_type: Annotated[Decode, Meta(description="what it is; auto goes by its content type")] = "auto"
    decode_body: Annotated[bool, Meta(description="false: the body is bytes in base64")] = True
    text_out: Annotated[str | None, Meta(description="a path to write the body to")] = None
    headers_out: Annotated[str | None, Meta(description="a path to write the headers to")] = None
    decode_out: Annotated[str | None, Meta(description="a path to write the data to, as JSON")] = None
    raise_error: Annotated[bool, Meta(description="false: what goes wrong is returned, not raised")] = True


def until(host: Host, seconds: float, interval: float, attempt: Callable[[], Any]) -> Any:
    """Return what ``attempt`` returns as soon as it raises no SalternError; raise its last one in the end."""
    end = host.steady() + seconds
    while True:
        try:
            return attempt()
        except BadArgument:
            raise
        except SalternError:
            left = end - host.steady()
            if left <= 0:
                raise
            host.sleep(min(max(interval, 0.05), left))


def succeeded(answer: Response) -> Response:
    """Return an answer that is a success. Raises NotFound with the status of another."""
    from saltern.sdk.http import shown

    if answer.status >= 400:
        raise NotFound(f"{shown(answer.url)}: the server answers {answer.status}")
    return answer


def asked(host: Host, url: str, how: Options) -> Response:
    """Send a request as it is wanted."""
    body, kind = _body(host, how)
    headers = {"Content-Type": kind} if kind else {}
    headers |= {"User-Agent": how.agent} if how.agent else {}
    request = Request(
        url=_with_parameters(url, how.params),
        method=how.method.upper(),
        headers=headers | _headers(host, how),
        body=body,
        timeout=how.timeout,
        verify=(how.ca_bundle or True) if how.verify_ssl else False,
        cert=how.cert or "",
        username=how.username or "",
        password=how.password or "",
        follow=how.follow_redirects,
        limit=how.max_body,
    )
    return host.http(request)


def _with_parameters(url: str, params: dict[str, Any] | str | None) -> str:
    if not params:
        return url
    more = params if isinstance(params, str) else urlencode(params, doseq=True)
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, more)))))


def _body(host: Host, how: Options) -> tuple[bytes, str]:
    """Return the body to send, and its content type if it has one of its own."""
    if how.data is not None and how.data_file is not None:
        raise BadArgument("either data or data_file is wanted")
    if isinstance(how.data, Mapping) and not how.data_render:
        return urlencode(how.data, doseq=True).encode(), "application/x-www-form-urlencoded"
    data = _file(host, how.data_file) if how.data_file else _text(how.data)
    if how.data_render:
        where = how.data_file or "data"
        data = host.supply.render(how.data_renderer, data.decode(), how.template_dict or {}, where).encode()
    return data, ""


def _text(data: Any) -> bytes:
    if data is None:
        return b""
    return data.encode() if isinstance(data, str) else msgspec.json.encode(data)


def _file(host: Host, path: str) -> bytes:
    found = host.supply.file(path) if path.startswith("salt://") else host.read(path)
    if found is None:
        raise NotFound(f"{path} is not there")
    return found


def _headers(host: Host, how: Options) -> dict[str, str]:
    written = list(how.header_list or ())
    written += _file(host, how.header_file).decode().splitlines() if how.header_file else []
    made = {name: str(value) for name, value in (how.header_dict or {}).items()}
    for line in filter(str.strip, written):
        name, colon, value = line.partition(":")
        if not colon:
            raise BadArgument(f"the header {name!r} has no value", hint="write Name: value")
        made[name.strip()] = value.strip()
    if any(not f"{name}{value}".isprintable() for name, value in made.items()):
        raise BadArgument("a header holds a line's end, or another sign that can't be printed")
    return made


def told(host: Host, answer: Response, how: Options) -> dict[str, Any]:
    """Return of an answer what is wanted, and write what is to be written."""
    text = answer.body.decode(errors="replace")
    found: dict[str, Any] = {}
    if answer.status >= 400:
        found |= {"error": f"HTTP {answer.status}", "status": answer.status}
    found |= {"status": answer.status} if how.status else {}
    found |= {"headers": dict(answer.headers)} if how.headers else {}
    found |= {"text": text} if how.text else {}
    if how.decode and answer.status < 400:
        found["dict"] = decoded(answer, how.decode_type)
    if how.text_out:
        host.write(how.text_out, answer.body)
    if how.headers_out:
        lines = [f"{name}: {value}\n" for name, value in answer.headers.items()]
        host.write(how.headers_out, "".join(lines).encode())
    if how.decode_out:
        host.write(how.decode_out, msgspec.json.encode(decoded(answer, how.decode_type)))
    if not (how.status or how.headers or how.text or how.decode):
        found["body"] = text if how.decode_body else _base64(answer.body)
    return found


def _base64(data: bytes) -> str:
    import binascii

    return binascii.b2a_base64(data, newline=False).decode()


def decoded(answer: Response, kind: Decode) -> Any:
    """Return a body as data. Raises BadArgument for one that is none."""
    about = answer.headers.get("content-type", "")
    if kind == "auto":
        kind = (
            "xml" if "xml" in about else "yaml" if "yaml" in about else "json" if "json" in about else "plain"
        )
    try:
        return _READERS[kind](answer.body)
    except ValueError as error:
        raise BadArgument(f"the answer is no {kind}: {error}") from None


def _yaml(data: bytes) -> Any:
    import yaml

    try:
        return yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _xml(data: bytes) -> Any:
    """Return XML as mappings; without entities of its own, which could be made to grow without end."""
    from xml.etree.ElementTree import ParseError, fromstring

    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("XML that declares a type or entities is not read")
    try:
        root = fromstring(data)  # noqa: S314 - without entities
    except ParseError as error:
        raise ValueError(str(error)) from None
    return {_tag(root): _element(root)}


def _element(element: Any) -> Any:
    if not len(element):
        return element.text
    made: dict[str, Any] = {}
    for child in element:
        value, tag = _element(child), _tag(child)
        if tag not in made:
            made[tag] = value
        elif isinstance(made[tag], list):
            made[tag].append(value)
        else:
            made[tag] = [made[tag], value]
    return made


def _tag(element: Any) -> str:
    """Return an element's name without its name space."""
    return str(element.tag).rpartition("}")[2]


_READERS: Mapping[str, Callable[[bytes], Any]] = {
    "json": lambda data: msgspec.json.decode(data),
    "yaml": _yaml,
    "xml": _xml,
    "plain": lambda data: data.decode(errors="replace"),
}
