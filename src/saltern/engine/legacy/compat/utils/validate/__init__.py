"""``salt.utils.validate``: whether values are well formed."""
