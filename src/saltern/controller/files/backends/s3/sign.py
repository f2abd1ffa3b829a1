"""AWS Signature Version 4, of a request without a body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from saltern.controller.files.backends.s3.credentials import Credential

_EMPTY = hashlib.sha256(b"").hexdigest()


def signed(
    url: str, headers: Mapping[str, str], credential: Credential, region: str, now: datetime
) -> dict[str, str]:
    """Return the headers of a GET of ``url`` with those that sign it. ``now`` is in UTC."""
    parts = urlsplit(url)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "x-amz-date": stamp, "x-amz-content-sha256": _EMPTY}
    if credential.token:
        sent["x-amz-security-token"] = credential.token
    covered = {name.lower(): value.strip() for name, value in {**sent, "host": parts.netloc}.items()}
    names = ";".join(sorted(covered))
    question = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    lines = "".join(f"{name}:{covered[name]}\n" for name in sorted(covered))
    canonical = "\n".join(["GET", parts.path or "/", question, lines, names, _EMPTY])
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credential.key}".encode()
    for word in (stamp[:8], region, "s3", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    said = f"Credential={credential.keyid}/{scope},SignedHeaders={names},Signature={signature}"
    return {**sent, "Authorization": f"AWS4-HMAC-SHA256 {said}"}
