"""Segments by 3GPP TS 23.038: the published limits, and that nothing is split that belongs together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.segments import BASIC, EXTENSION, count, is_gsm_7, split

GSM = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), max_size=700)
ANY = st.text(st.characters(codec="utf-8"), max_size=300)
MIXED = st.text(st.sampled_from("a€{é😀–"), max_size=400)


def septets(text: str) -> int:
    """As it goes over the air: an escape before each character of the extension table."""
    return sum(2 if character in "\f^{}\\[~]|€" else 1 for character in text)


def units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def test_the_alphabet_has_the_standard_s_127_characters_and_10_behind_the_escape() -> None:
    assert (len(BASIC), len(EXTENSION)) == (127, 10)
    assert not BASIC & EXTENSION


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 0),
        ("a", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        ("a" * 152 + "€" * 77, 3),  # the euro does not fit behind 152, and 76 fill a segment of 153
        ("ÄÖÜäöüßñ¿¡@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæÉ¤§à_\r\n", 1),
        ("ç", 1),  # small c with cedilla is not in the alphabet
        ("ç" * 70, 1),
        ("ç" * 71, 2),
        ("ç" * 134, 2),
        ("ç" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 66, 2),  # 33 pairs in 67 units, never 33 and a half
        ("😀" * 67, 3),
        ("`" + "a" * 69, 1),
        ("`" + "a" * 70, 2),
    ],
)
def test_it_has_so_many_segments(text: str, segments: int) -> None:
    assert count(text) == segments
    assert len(split(text)) == segments


@given(GSM | ANY | MIXED)
def test_the_segments_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text
    assert len(split(text)) == count(text)
    assert all(split(text))


@given(GSM)
def test_each_of_several_has_153_septets_with_escapes_whole(text: str) -> None:
    pieces = split(text)
    assert is_gsm_7(text)
    assert [piece for piece in pieces if septets(piece) > (160 if len(pieces) == 1 else 153)] == []


@given(ANY | MIXED)
def test_each_of_several_has_67_units_with_surrogates_whole(text: str) -> None:
    if is_gsm_7(text):
        return
    pieces = split(text)
    assert [piece for piece in pieces if units(piece) > (70 if len(pieces) == 1 else 67)] == []


@given(GSM | ANY | MIXED)
def test_no_segment_has_room_for_what_begins_the_next(text: str) -> None:
    measure, alone, each = (septets, 160, 153) if is_gsm_7(text) else (units, 70, 67)
    pieces = split(text)
    assert (len(pieces) > 1) == (measure(text) > alone)
    for piece, following in zip(pieces, pieces[1:], strict=False):
        assert measure(piece + following[0]) > each


@given(GSM | MIXED, st.sampled_from("aé€"))
def test_more_text_never_takes_less(text: str, more: str) -> None:
    assert count(text + more) >= count(text)
