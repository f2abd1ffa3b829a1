"""Saltern: data-centre automation.

Read the folders as the architecture: ``cli`` asks ``api``, which asks the ``controller``, which speaks
through ``transport`` to each ``agent``, which runs ``engine`` over ``library``.
"""

__version__ = "0.1.0"
