"""What intake refuses.

RecordRefused (schemas.errors)
└── RuleUnfit          an event whose payload does not have what a rule needs: it goes to the DLQ
TriggersInvalid        a file of trigger rules can't be used: the process does not start
"""

from schemas.errors import RecordRefused


class RuleUnfit(RecordRefused):
    """An event's payload does not have what a rule needs; says which rule and which field."""

    reason = "rule_unfit"

    def __init__(self, rule: str, field: str, what: str) -> None:
        super().__init__(f"rule {rule}: field {field!r} {what}")
        self.rule, self.field = rule, field


class TriggersInvalid(Exception):
    """Trigger rules can't be used; says which file, which rule, and what is wrong."""
