"""``salt.syspaths``: where Salt keeps things; they are ours here."""

from __future__ import annotations

CONFIG_DIR = "/etc/saltern"
CACHE_DIR = "/var/cache/saltern"
SRV_ROOT_DIR = "/srv"
BASE_FILE_ROOTS_DIR = "/srv/salt"
BASE_PILLAR_ROOTS_DIR = "/srv/pillar"
LOGS_DIR = "/var/log/saltern"
PIDFILE_DIR = "/run"
ROOT_DIR = "/"
