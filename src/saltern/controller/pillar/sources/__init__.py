"""Where pillar data comes from beside the SLS (``ext_pillar``): one door, built in or brought by others."""

from saltern.controller.pillar.sources.registry import (
    SOURCES,
    Ask,
    Asking,
    Place,
    Source,
    Sources,
    build_sources,
)

__all__ = ["SOURCES", "Ask", "Asking", "Place", "Source", "Sources", "build_sources"]
