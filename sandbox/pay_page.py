"""The sandbox's payment page: one small document and its style sheet, in light and dark, without a script."""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sandbox.cards import CARDS

if TYPE_CHECKING:
    from sandbox.checkout import Session

PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Pay $amount · Sandbox</title>
  <link rel="stylesheet" href="/pay.css">
</head>
<body>
  <main>
    <p class="band">Sandbox payment page — no real money</p>
    <p class="what">Pylo credit</p>
    <h1>$amount</h1>
    $body
  </main>
</body>
</html>
""")
FORM: Final = Template("""\
<form method="post" action="/pay/$session">
      <label for="card">Card number</label>
      <input id="card" name="card" value="$card" inputmode="numeric" autocomplete="off" spellcheck="false"
             placeholder="4242 4242 4242 4242" aria-describedby="help$named"$invalid autofocus>
      $problem
      <p id="help">A test number; no card is charged:</p>
      <ul>$cards</ul>
      <button>Pay $amount</button>
    </form>
    <p><a href="$back">Cancel and return</a></p>""")
BANK: Final = Template("""\
<form method="post" action="/pay/$session">
      <h2>Your bank asks: is it you?</h2>
      <p>3-D Secure, as the bank of the card would show it. Nothing is charged until you approve.</p>
      <button name="answer" value="approve">Approve $amount</button>
      <button name="answer" value="refuse" class="second">Refuse</button>
    </form>""")
PAID: Final = Template(
    '<p>This payment is complete.</p>\n    <p><a class="button" href="$returning">Return to Pylo</a></p>'
)

CSS: Final = """\
:root { color-scheme: light dark; --ink: #16181d; --soft: #5b6270; --paper: #f6f7f9; --card: #fff; --line: #d5d9e0;
  --accent: #2f5fd0; --on-accent: #fff; --bad: #b3261e; --band: #fff3d6; --on-band: #6b4a00 }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef2; --soft: #a2a9b6; --paper: #101216; --card: #181b21;
  --line: #343a45; --accent: #7fa2ff; --on-accent: #0d1220; --bad: #ff9a91; --band: #3a2d0c; --on-band: #ffd98a } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px }
.band { margin: -2rem -2rem 1.5rem; padding: .6rem 2rem; border-radius: 11px 11px 0 0; background: var(--band);
  color: var(--on-band); font-size: .875rem; font-weight: 600 }
.what { margin: 0; color: var(--soft) }
h1 { margin: 0 0 1.5rem; font-size: 2.25rem; line-height: 1.2; font-variant-numeric: tabular-nums }
code { white-space: nowrap }
main > :last-child { margin-bottom: 0 }
label { display: block; margin-bottom: .35rem; font-weight: 600; font-size: .875rem }
input { width: 100%; padding: .65rem .75rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--paper); color: inherit; font: inherit; font-variant-numeric: tabular-nums }
input[aria-invalid] { border-color: var(--bad) }
h2 { margin: 0; font-size: 1.125rem }
#help, ul { color: var(--soft); font-size: .875rem }
#help { margin-bottom: .25rem }
ul { margin: 0 0 1.25rem; padding-left: 1.1rem }
.error { margin: .4rem 0 0; color: var(--bad); font-size: .875rem; font-weight: 600 }
button, .button { display: block; width: 100%; padding: .75rem; border: 0; border-radius: 8px;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; cursor: pointer }
.second { margin-top: .75rem; background: none; border: 1px solid var(--line); color: inherit }
a { color: var(--accent) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
"""


def page(session: Session, *, card: str = "", problem: str = "") -> str:
    """Return the page of a session; with a problem, the card number stays as it was typed."""
    if session.status == "paid":
        body = PAID.substitute(returning=escape(session.returning))
    elif session.asking is not None:
        body = BANK.substitute(session=escape(session.id), amount=escape(session.amount))
    else:
        body = FORM.substitute(
            session=escape(session.id),
            card=escape(card),
            named=" problem" if problem else "",
            invalid=' aria-invalid="true"' if problem else "",
            problem=f'<p class="error" id="problem" role="alert">{escape(problem)}</p>' if problem else "",
            cards="".join(f"<li><code>{each.spaced}</code> {escape(each.says)}</li>" for each in CARDS),
            amount=escape(session.amount),
            back=escape(session.returning),
        )
    return PAGE.substitute(amount=escape(session.amount), body=body)


def policy(session: Session) -> str:
    """Return the Content-Security-Policy: the form may also lead, by a redirect, to where the payer came from."""
    back = urlsplit(session.return_url)
    return (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none';"
        f" form-action 'self' {back.scheme}://{back.netloc}"
    )
