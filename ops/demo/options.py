"""How large the demo is."""

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`timeout_s`: how long to wait after the play until everything has come to an end. `keep`: leave what was started running."""

    people: int = 100_000
    seconds: float = 20.0
    per_second: int = 40
    timeout_s: float = 180.0
    keep: bool = False
