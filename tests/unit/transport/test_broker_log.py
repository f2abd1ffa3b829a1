"""Complaints of the broker, each heard once."""

from __future__ import annotations

from pathlib import Path

from saltern.transport.broker_log import BrokerLog

FULL = b"[1] 2026/01/01 [ERR] JetStream failed to store a msg on stream 'A': no space left on device\n"


def test_a_complaint_is_heard_once_also_in_a_log_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "log"
    log = BrokerLog(file)
    assert not log.disk_was_full()
    file.write_bytes(b"[1] 2026/01/01 [INF] Server is ready\n" + FULL)
    assert log.disk_was_full()
    assert not log.disk_was_full()
    file.write_bytes(FULL)
    assert log.disk_was_full()
    with file.open("ab") as stream:
        stream.write(b"[ERR] JetStream failed to store a msg on stream 'A > B': maximum bytes exceeded\n")
    assert not log.disk_was_full()
