"""A shop and its customers, to show Carillon with."""
