"""`gantry disconnect`: takes an account at a host away, after a question."""

from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer


def test_an_account_at_a_host_is_disconnected(gantry: Gantry, far: FarSide) -> None:
    far.on("DELETE", "/api/user/hosts/github", answer(None, 204))

    done = gantry("disconnect", "github", "--yes")

    assert done.stdout == "Your account at github is disconnected\n"


def test_nothing_happens_without_a_yes(gantry: Gantry, far: FarSide) -> None:
    assert gantry("disconnect", "github").returncode == 2
    assert far.asked == []
