"""What can be wrong with mappings.

MappingsInvalid         a file of table mappings can't be used, or a table has none: the process does not start
"""


class MappingsInvalid(Exception):
    """Table mappings can't be used; says which file, which table, and what is wrong."""
