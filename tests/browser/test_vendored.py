"""The vendored script does its work under the policy of the pages."""

from playwright.sync_api import expect

from app.ui.assets import asset
from tests.browser.browse import Browse

#: As pages do: the file is a plain script with a global name, and HTML becomes nodes by the one policy of ours.
RENEW = """
async ([address, integrity]) => {
  const policy = trustedTypes.createPolicy("gantry", { createScriptURL: (url) => url, createHTML: (html) => html });
  const script = Object.assign(document.createElement("script"), { src: policy.createScriptURL(address), integrity });
  await new Promise((done, failed) => { script.onload = done; script.onerror = failed; document.head.append(script); });
  const old = document.querySelector("main");
  const text = old.outerHTML.replace("<h1>Sign in</h1>", "<h1>Renewed</h1>");
  const fresh = new DOMParser().parseFromString(policy.createHTML(text), "text/html").querySelector("main");
  Idiomorph.morph(old, fresh, { ignoreActiveValue: true });
}
"""


def test_a_page_is_renewed_and_what_was_typed_and_the_focus_stay(browse: Browse) -> None:
    page = browse()
    page.goto("/login")
    field = page.get_by_label("Token")
    field.fill("half a tok")
    script = asset("vendor/idiomorph.min.js")

    page.evaluate(RENEW, [script.address, script.integrity])

    expect(page.get_by_role("heading", level=1)).to_have_text("Renewed")
    expect(field).to_have_value("half a tok")
    expect(field).to_be_focused()
