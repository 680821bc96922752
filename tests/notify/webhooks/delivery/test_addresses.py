"""Which addresses may be called."""

import pytest

from app.notify.webhooks.addresses import fault

PUBLIC = "8.8.8.8 1.1.1.1 100.128.0.1 172.32.0.1 2606:4700:4700::1111 2002:808:808:: ::ffff:8.8.8.8 64:ff9b::808:808"
#: Lifted by the setting.
PRIVATE = """
    127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.255.255
    ::1 fc00::1 fdff::1 fec0::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1
    64:ff9b::a00:1 64:ff9b:1::a00:1 2002:7f00:1::1 2002:c0a8:1::
"""
NEVER = """
    0.0.0.0 0.1.2.3 169.254.0.1 169.254.169.254 192.0.2.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255
    192.0.0.8 192.0.0.170 192.0.0.192 192.88.99.1 198.19.255.255 198.51.100.1 203.0.113.1 169.254.170.2
    fd00:ec2::23 fd20:ce::254 3fff::1 5f00::1 100::1 2001::1 2001:10::1 4000::1 ::ffff:192.0.0.192
    100.100.100.200 168.63.129.16 :: fe80::1 fe80::1%eth0 ff02::1 2001:db8::1 fd00:ec2::254 ::ffff:169.254.169.254
    ::ffff:0.0.0.0 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: 2001:0:4136:e378:8000:63bf:5601:5601
"""


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_ones(address: str) -> None:
    assert fault(address, private=False) == ""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_private_ones_only_if_the_operator_allows_them(address: str) -> None:
    assert "GANTRY_WEBHOOK_ALLOW_PRIVATE" in fault(address, private=False)
    assert fault(address, private=True) == ""


@pytest.mark.parametrize("address", NEVER.split())
def test_others_never(address: str) -> None:
    assert fault(address, private=False)
    assert fault(address, private=True)
