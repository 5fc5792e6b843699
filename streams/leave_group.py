"""LeaveGroup version 3, which names static members: aiokafka has versions 0 and 1.

https://kafka.apache.org/protocol#The_Messages_LeaveGroup
"""

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

KEY, VERSION = 13, 3
WHOEVER = ""
MEMBER = (("member_id", String("utf-8")), ("group_instance_id", String("utf-8")))


class LeaveGroupResponse(Response):  # type: ignore[misc]
    """What came of it, as a whole and for each member."""

    API_KEY = KEY
    API_VERSION = VERSION
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16), ("members", Array(*MEMBER, ("error_code", Int16))))


class LeaveGroupRequest(RequestStruct):  # type: ignore[misc]
    """The members that leave."""

    API_KEY = KEY
    API_VERSION = VERSION
    RESPONSE_TYPE = LeaveGroupResponse
    SCHEMA = Schema(("group", String("utf-8")), ("members", Array(*MEMBER)))


class LeaveGroup(Request[LeaveGroupRequest]):  # type: ignore[misc]
    """One static member leaves, whatever its member id is."""

    API_KEY = KEY

    def __init__(self, group: str, instance: str) -> None:
        self._group, self._members = group, [(WHOEVER, instance)]

    def build(self, request_struct_class: type[LeaveGroupRequest]) -> LeaveGroupRequest:
        """The request as it is sent."""
        return request_struct_class(self._group, self._members)
