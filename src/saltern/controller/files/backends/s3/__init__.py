"""The backend ``s3``: buckets of any S3 endpoint."""

from saltern.controller.files.backends.s3.backend import make

__all__ = ["make"]
