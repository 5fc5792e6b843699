"""`carillon replay`: those who failed are decided afresh, and sent to. ADR 0021."""
