from app.authorities import trusted


def test_authorities_are_read_once_for_all_clients() -> None:
    assert trusted() is trusted()
    assert trusted().check_hostname
