"""Packages of Python: installed by pip, in the system or in a virtual environment."""
