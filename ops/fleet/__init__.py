"""Carillon's own processes on one machine: workers, projections and the sandbox provider.

``fleet.up()`` starts what is not running and returns when all of it is ready, ``fleet.down()`` stops exactly what was started
from the same home, ``fleet.status()`` says how each member is. The stack they need is `ops.local`'s.
"""
