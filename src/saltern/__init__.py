"""Saltern: data-centre automation.

Read the folders as the architecture: ``cli`` asks ``api``, which asks the ``controller``, which speaks
through ``transport`` to each ``agent``, which runs ``engine`` over ``library``. ``docs/explanation`` tells why.
"""

__version__ = "0.1.0"
