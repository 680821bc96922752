"""What the browser complains about fails the test; so tests of pages mean something."""

import pytest

from tests.browser.browse import Browse

#: What a script in a page does, and what is said about it.
FAULTS = {
    "console.error('basket')": "console error: basket",
    "console.warn('basket')": "console warning: basket",
    "setTimeout(() => { throw new Error('basket'); })": "script: basket",
    "await fetch('/nowhere')": "status 404: .*/nowhere",
    "await fetch('http://127.0.0.1:9/').catch(() => {})": "policy: connect-src refused",
    "document.body.append(document.createElement('style')); document.body.lastChild.append('b {}')": "style-src",
    "try { document.body.innerHTML = '<b>basket</b>'; } catch {}": "require-trusted-types-for",
}


@pytest.mark.parametrize("script", FAULTS)
def test_what_the_browser_complains_about_fails_the_test(browse: Browse, script: str) -> None:
    page = browse()
    page.goto("/login")
    page.evaluate(f"async () => {{ {script} }}")
    page.evaluate("() => new Promise((done) => setTimeout(done))")

    with pytest.raises(AssertionError, match=FAULTS[script]):
        browse.close()


def test_a_request_to_another_host_fails_the_test_even_where_no_policy_forbids_it(browse: Browse) -> None:
    page = browse(bypass_csp=True)
    page.goto("/login")
    page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => {})")

    with pytest.raises(AssertionError, match="request to another host"):
        browse.close()


def test_pages_of_errors_are_no_complaint_and_what_a_test_wants_is_accepted(browse: Browse) -> None:
    page = browse()
    page.goto("/acme/nowhere")
    page.evaluate("() => console.error('wanted')")

    browse.accepted.append("wanted")
