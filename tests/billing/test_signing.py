from __future__ import annotations

import base64

import pytest

from billing import signing

OLD, NEW = "11" * 32, "22" * 32
# RFC 8032 §7.1, test 2.
SECRET = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
SIGNED = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_a_signature_is_ed25519s_own() -> None:
    keys = signing.keys([SECRET])
    assert keys.public[0].raw.hex() == PUBLIC
    assert base64.b64decode(keys.sign(b"\x72").text).hex() == SIGNED


def test_the_newest_key_signs_and_the_older_ones_still_verify() -> None:
    before = signing.keys([OLD])
    made = before.sign(b"a receipt")
    after = signing.keys([NEW, before.public[0].setting])
    old = next(key for key in after.public if key.id == made.key_id)
    assert old.verifies(base64.b64decode(made.text), b"a receipt")
    assert after.sign(b"a receipt").key_id == signing.keys([NEW]).public[0].id


def test_a_changed_message_or_signature_does_not_verify() -> None:
    keys = signing.keys([NEW])
    made = base64.b64decode(keys.sign(b"a receipt").text)
    assert not keys.public[0].verifies(made, b"b receipt")
    assert not keys.public[0].verifies(made[:-1] + bytes([made[-1] ^ 1]), b"a receipt")


@pytest.mark.parametrize("written", ["", "11" * 31, "11" * 33, "AA" * 32, "public:zz", "secret:" + "11" * 32])
def test_what_is_no_key_is_seen(written: str) -> None:
    assert not signing.is_key(written)


def test_a_private_key_shows_in_no_text() -> None:
    assert NEW not in repr(signing.keys([NEW]))
