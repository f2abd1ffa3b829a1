"""Packages by dnf, zypper and pacman: Debian has these programs, the repositories are made here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from saltern.testing.lab import LabHost
from saltern.testing.lab_host import NoPackages
from saltern.testing.lab_sweep import Call, Case, Given, Then, try_case

pytestmark = pytest.mark.e2e

_PACKAGES = r"""
for version in 1.0 1.1; do for name in first second stays; do
  cat > /srv/x.spec << END
Name: $name
Version: $version
Release: 1
Summary: x
License: MIT
BuildArch: noarch
$([ $name != first ] || echo Requires: second)
%description
x
%install
mkdir -p %{buildroot}/srv/$name
echo $version > %{buildroot}/srv/$name/v
%files
/srv/$name
END
  rpmbuild -bb --quiet --define "_topdir /srv/build" --define "_rpmdir /srv/repo" /srv/x.spec
done; done
createrepo_c -q /srv/repo
mkdir -p /etc/rpm; echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
rpm --install --nodeps --force-debian /srv/repo/noarch/stays-1.1-1.noarch.rpm  # zypper fails without any
mkdir -p /etc/dnf/vars; echo 1 > /etc/dnf/vars/releasever
"""
_REPOSITORY = {"name": "lab", "baseurl": "file:///srv/repo", "gpgcheck": 0}
OLDER = Case(
    sls={
        "older": {"pkg.installed": [{"pkgs": [{"first": "1.0*"}, {"second": "1.0*"}]}]},
        "nothing": {"pkg.removed": [{"name": "third"}]},
    },
    then=Then(
        unchanged=("nothing",),
        changes={"older": {"first": {"old": "", "new": "1.0-1"}, "second": {"old": "", "new": "1.0-1"}}},
        calls=(
            Call(fun="pkg.version", args=("first",), gives="1.0-1"),
            Call(fun="pkg.owner", args=("/srv/first/v",), gives="first"),
            Call(
                fun="pkg.list_upgrades",
                kwargs={"refresh": False},
                gives={"first": "1.1-1", "second": "1.1-1"},
            ),
        ),
        commands={"cat /srv/first/v": "1.0"},
    ),
)
NEWEST = Case(
    sls={"newest": {"pkg.latest": [{"pkgs": ["second"]}]}},
    then=Then(changes={"newest": {"second": {"old": "1.0-1", "new": "1.1-1"}}}),
)
BACK = Case(
    sls={"back": {"pkg.installed": [{"name": "second"}, {"version": "1.0-1"}]}},
    then=Then(changes={"back": {"second": {"old": "1.1-1", "new": "1.0-1"}}}),
)
GONE = Case(
    sls={"gone": {"pkg.removed": [{"name": "second"}]}},
    then=Then(
        changes={"gone": {"first": {"old": "1.0-1", "new": ""}, "second": {"old": "1.0-1", "new": ""}}},
        commands={"ls /srv/first || echo gone": "~gone"},
    ),
)


@pytest.fixture(scope="module")
def rpm(host_of: Callable[[str], LabHost]) -> LabHost:
    """A host with a repository of RPM packages."""
    host = host_of("rpm")
    try:
        host.install("rpm", "createrepo-c", "dnf", "zypper")
    except NoPackages as error:
        pytest.skip(f"no packages for lab hosts here: {error}")
    host.shell(_PACKAGES)
    return host


@pytest.mark.parametrize(
    ("family", "folder"), [("RedHat", "/etc/yum.repos.d"), ("Suse", "/etc/zypp/repos.d")]
)
def test_rpm(family: str, folder: str, rpm: LabHost) -> None:
    rpm.shell(f"mkdir -p /etc/saltern && echo 'os_family: {family}' > /etc/saltern/grains")
    try_case(
        rpm,
        Case(
            given=Given(commands=(f"rm -rf {folder}; mkdir -p {folder}",)),
            sls={"lab": {"pkgrepo.managed": [{name: value} for name, value in _REPOSITORY.items()]}},
            then=Then(
                changes={"lab": {"repo": "lab"}},
                commands={f"grep -c file:///srv/repo {folder}/lab.repo": "1"},
            ),
        ),
    )
    for case in (OLDER, NEWEST, BACK, GONE):
        try_case(rpm, case)
