"""The machine itself: what its firmware says, and its identity."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host, SalternError

_FIRMWARE = {
    "biosversion": "bios_version",
    "biosvendor": "bios_vendor",
    "biosreleasedate": "bios_date",
    "boardname": "board_name",
    "productname": "product_name",
    "manufacturer": "sys_vendor",
    "serialnumber": "product_serial",
    "uuid": "product_uuid",
}


def collect(host: Host) -> dict[str, Any]:
    """Return ``machine_id``, what the firmware says (some of it to root only), and ``efi``."""
    machine = host.text("/etc/machine-id", "") or host.text("/var/lib/dbus/machine-id", "")
    facts: dict[str, Any] = {key: _firmware(host, name) for key, name in _FIRMWARE.items()}
    if facts["uuid"]:
        facts["uuid"] = facts["uuid"].lower()
    found = {key: value for key, value in facts.items() if value}
    return found | {"machine_id": machine.strip(), "efi": host.exists("/sys/firmware/efi")}


def _firmware(host: Host, name: str) -> str:
    path = f"/sys/class/dmi/id/{name}"
    try:
        return host.text(path, "").strip()
    except SalternError:  # root's alone, or a firmware whose tables give an input/output error
        return ""
