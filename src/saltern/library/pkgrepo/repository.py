"""What is said of a repository."""

from __future__ import annotations

from saltern.sdk import State


class Repository(State, frozen=True, kw_only=True):
    """All that a repository may be described by, whether it is to be there or not.

    SLS say one thing or the other of the same description, so ``absent`` takes all that ``managed`` takes.
    """

    humanname: str = ""
    enabled: bool | None = None
    disabled: bool | None = None
    comments: str | list[str] | None = None
    refresh: bool = True
    refresh_db: bool = True
    # apt
    ppa: str = ""
    file: str = ""
    dist: str = ""
    comps: str | list[str] | None = None
    architectures: str | list[str] | None = None
    signedby: str = ""
    clean_file: bool = False
    consolidate: bool = False
    aptkey: bool = True
    key_url: str | list[str] | None = None
    key_text: str = ""
    keyid: str | int | list[str | int] | None = None
    keyid_ppa: bool = False
    keyserver: str = ""
    # dnf, yum, zypper
    copr: str = ""
    baseurl: str = ""
    mirrorlist: str = ""
    metalink: str = ""
    gpgkey: str = ""
    gpgcheck: bool | int | None = None
    repo_gpgcheck: bool | int | None = None
    gpgautoimport: bool = False
    sslverify: bool | int | None = None
    sslcacert: str = ""
    sslclientcert: str = ""
    sslclientkey: str = ""
    skip_if_unavailable: bool | int | None = None
    module_hotfixes: bool | int | None = None
    autorefresh: bool | int | None = None
    keepcache: bool | int | None = None
    keeppackages: bool | int | None = None
    proxy: str = ""
    username: str = ""
    password: str = ""
    priority: int | str = ""
    cost: int | str = ""
    exclude: str = ""
    includepkgs: str = ""
    metadata_expire: int | str = ""
    type: str = ""
    path: str = ""
    failovermethod: str = ""
