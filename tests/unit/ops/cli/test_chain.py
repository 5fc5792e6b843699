"""Every way in which a user did or did not get a notification, from evidence alone."""

import msgspec

from ops.cli.chain import Answer, explain
from ops.cli.controlling import Control
from ops.cli.evidence import Evidence, Handed, open_channels
from ops.cli.letters import Letter
from ops.cli.why import rendered
from projections.cassandra.timeline import Event, Why
from schemas.records import ExpandAudience
from tests.unit.ops.cli.made import NOTIFICATION_ID, batch, expanded, notification
from tests.unit.ops.cli.test_standing import HEADER

COMMAND = ExpandAudience(notification=notification(), expression="tag:x", cursor="amy", chunk=3, partitions=8)
BASE = Evidence(user_id="ann", notification_id=NOTIFICATION_ID, partition=4, header=HEADER)
HANDED = Handed(batch(["amy", "ann"]), "notify.deliver.push.low", 4, 11)


def told(status: str, channel: str, *, reason: str = "", fanout: bool = False, offset: int = 6) -> Why:
    cause = ("notify.fanout", 4, 7) if fanout else ("notify.deliver.push.low", 4, 11)
    batch_id, provider = ("", "") if fanout else ("b1", "sandbox-push")
    event = Event(5_002, channel, {status: 1}, 1, provider, 1, "policy1", batch_id, "s1", "notify.status", 4, 20, *cause)
    return Why(status, reason, "", offset, "" if fanout else "m-1", event)


def letter(key: str, topic: str) -> Letter:
    return Letter(f"{topic}/4/9", "dead", "truncated", "audience", "Truncated: ...", topic, 4, 9, 0, 0, key, 1, (0, 0))


def explained(**changes: object) -> Answer:
    answer = explain(msgspec.structs.replace(BASE, **changes))
    assert rendered(answer)
    return answer


def test_a_message_that_was_sent_has_the_whole_chain_with_positions() -> None:
    both = [told("sent", "push"), told("suppressed", "email", reason="no_address", fanout=True)]
    answer = explained(statuses=both, handed={"push": HANDED}, commands={7: COMMAND})
    assert [(link.what, link.where) for link in answer.links] == [("requested", "notify.requests/0/9"), ("planned", "notify.fanout/4/7")]
    assert "chunk 3 of partition 4: tag:x after amy" in answer.links[1].said
    push, email = answer.channels
    assert push.verdict == "sent by sandbox-push 5.0 s after acceptance"
    assert [(link.what, link.where) for link in push.links] == [
        ("decided", "notify.deliver.push.low/4/11"),
        ("sent", "notify.status/4/20"),
    ]
    assert "notify.profiles/4/5" in push.links[0].said
    assert "message m-1" in push.links[1].said
    assert "checked again by the profile at notify.profiles/4/6" in push.links[1].said
    assert email.verdict == "suppressed: no_address"
    assert "policy1" in email.links[0].said


def test_what_it_has_beside_its_text_is_named_and_not_shown() -> None:
    header = msgspec.structs.replace(HEADER, overrides="email.attachments (1 file of 8 bytes) #5d41402a")
    assert explained(header=header).links[0].said.endswith("), with email.attachments (1 file of 8 bytes) #5d41402a")
    assert ", with" not in explained().links[0].said


def test_a_user_nobody_knew_has_no_profile_to_cite() -> None:
    unknown = [told("suppressed", channel, reason="user_unknown", fanout=True, offset=-1) for channel in HEADER.channels]
    answer = explained(statuses=unknown)
    assert "the user was not known" in answer.channels[0].links[0].said


def test_an_unknown_notification() -> None:
    assert explained(header=None).verdict.startswith("never reached fan-out: no request of that id was planned")


def test_a_request_that_was_refused_says_by_whom_and_where_it_is() -> None:
    why = "never reached fan-out: planner refused its request; in the DLQ as notify.requests/1/2"
    assert explained(header=None, refusal=why).verdict == why


def test_a_user_outside_the_audience() -> None:
    answer = explained(chunks=[expanded(4, 0, last=False), expanded(4, 1)])
    assert answer.verdict == (
        "never reached fan-out: 'tag:x' did not hold for ann when partition 4 was expanded (last chunk: notify.fanout/4/7)"
    )
    assert answer.channels == []


def test_a_user_the_request_does_not_name() -> None:
    header = msgspec.structs.replace(HEADER, audience_expression="", audience_users=3)
    assert "names 3 users, and ann is not among them" in explained(header=header, named=False).verdict


def test_an_expansion_that_is_paused() -> None:
    verdict = explained(chunks=[expanded(4, 0, last=False)], control=Control({"paused": 8}, 3, 0)).verdict
    assert verdict.endswith("has decided 1 chunks and waits or goes on; control: paused on 8 partitions, 3 commands wait")


def test_an_expansion_that_is_under_way() -> None:
    assert "has decided 1 chunks and goes on" in explained(chunks=[expanded(4, 0, last=False)]).verdict


def test_a_command_in_the_dlq() -> None:
    answer = explained(held=[letter(NOTIFICATION_ID, "notify.fanout")])
    assert "audience refused the command of its partition" in answer.verdict
    assert "notify.fanout/4/9" in answer.verdict


def test_a_batch_that_waits_and_one_in_the_dlq() -> None:
    chunks = [expanded(4, 0)]
    waiting = explained(handed={"push": HANDED}, chunks=chunks)
    assert waiting.channels[0].verdict == "waiting for delivery: in the batch at notify.deliver.push.low/4/11, no outcome yet"
    stuck = explained(handed={"push": HANDED}, chunks=chunks, held=[letter("b1", "notify.deliver.push.low")])
    assert "not delivered: audience refused its batch" in stuck.channels[0].verdict


def test_a_record_that_is_gone_is_said_to_be_gone() -> None:
    answer = explained(statuses=[told("sent", "push")], handed={"push": HANDED}, chunks=[expanded(4, 0)])
    assert answer.channels[0].links
    gone = explained(statuses=[told("sent", "push")], chunks=[expanded(4, 0)])
    assert [link.what for link in gone.channels[0].links] == ["sent"]


UNTIL = "2026-11-22T07:04:11+00:00"


def deferred() -> Why:
    return msgspec.structs.replace(told("deferred", "push", reason="quiet_hours", fanout=True), detail=UNTIL)


def test_who_is_held_reads_until_when() -> None:
    push = explained(statuses=[deferred()], commands={7: COMMAND}).channels[0]
    assert push.verdict == f"held until {UNTIL} (quiet_hours), and decided afresh then"
    assert f"quiet_hours; {UNTIL}; by policy policy1" in push.links[0].said


def test_who_was_held_has_both_decisions_in_their_order() -> None:
    release = msgspec.structs.replace(COMMAND, users=["ann"], expression="", cursor="", hold_id="h-1", channels=["push"])
    both = explained(statuses=[deferred(), told("sent", "push")], handed={"push": HANDED}, commands={7: COMMAND, 9: release})
    assert [link.what for link in both.links] == ["requested", "planned", "released"]
    assert "hold h-1: 1 users" in both.links[2].said
    assert [link.what for link in both.channels[0].links] == ["deferred", "decided", "sent"]
    assert both.channels[0].verdict.startswith("sent by")


def test_who_was_handed_back_by_delivery_reads_until_when_they_are_held() -> None:
    back = msgspec.structs.replace(told("deferred", "push", reason="quiet_hours"), detail=UNTIL)
    held = deferred()
    held = msgspec.structs.replace(held, event=msgspec.structs.replace(held.event, at=back.event.at + 1))
    push = explained(statuses=[back, held], handed={"push": HANDED}, commands={7: COMMAND}).channels[0]
    assert push.verdict == f"held until {UNTIL} (quiet_hours), and decided afresh then"
    assert [link.what for link in push.links] == ["decided", "deferred", "deferred"]


def test_who_was_released_and_is_not_delivered_yet_is_no_longer_held() -> None:
    push = explained(statuses=[deferred()], handed={"push": HANDED}, commands={7: COMMAND}).channels[0]
    assert push.verdict.startswith("waiting for delivery")


def test_what_is_looked_for_is_what_has_no_end() -> None:
    assert open_channels(HEADER, [deferred(), told("sent", "email")]) == ["push"]
    assert open_channels(HEADER, [deferred(), told("sent", "push")]) == ["email"]


POLICY_S = msgspec.structs.replace(HEADER, channels=[])


def test_who_was_tried_on_one_channel_after_the_other_has_both() -> None:
    tried = msgspec.structs.replace(COMMAND, users=["ann"], expression="", cursor="", hold_id="t-1", channels=["email"], tried="push")
    both = explained(
        header=POLICY_S,
        statuses=[told("failed", "push", reason="unregistered"), told("sent", "email")],
        handed={"push": HANDED},
        commands={7: COMMAND, 9: tried},
    )
    assert [link.what for link in both.links] == ["requested", "planned", "tried"]
    assert "email is tried after push: 1 users" in both.links[2].said
    assert both.channels[0].verdict.startswith("failed")
    assert [fate.channel for fate in both.channels] == ["push", "email"]


def test_when_policy_has_the_channels_all_are_looked_for_until_one_is_known() -> None:
    assert open_channels(POLICY_S, []) == ["push", "email", "sms", "in_app"]
    assert open_channels(POLICY_S, [told("failed", "push"), told("deferred", "email")]) == ["email"]
    assert explained(header=POLICY_S).verdict


def test_whom_a_replay_reopened_is_decided_afresh_and_then_has_another_end() -> None:
    failed = told("failed", "push", reason="provider_unavailable")
    back = msgspec.structs.replace(
        told("deferred", "push", reason="replayed"),
        detail="2026-01-31T12:00:00+00:00 replay r: failed provider_unavailable",
        event=msgspec.structs.replace(failed.event, provider="", caused_by_topic="notify.status", caused_by_offset=20),
    )
    (push,) = [one for one in explained(statuses=[failed, back], handed={"push": HANDED}).channels if one.channel == "push"]
    assert push.verdict.startswith("reopened by a replay, and decided afresh: 2026-01-31T12:00:00")
    assert [link.what for link in push.links] == ["decided", "failed", "deferred"]
    again = msgspec.structs.replace(told("sent", "push"), event=msgspec.structs.replace(failed.event, batch_id="b2"))
    after = msgspec.structs.replace(HANDED, batch=msgspec.structs.replace(HANDED.batch, batch_id="b2"))
    (push,) = [one for one in explained(statuses=[failed, back, again], handed={"push": after}).channels if one.channel == "push"]
    assert push.verdict.startswith("sent by")
    assert [link.what for link in push.links] == ["failed", "deferred", "decided", "sent"]
