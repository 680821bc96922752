"""What the command `help` answers. Pure."""

HELP = """\
Promotions from the chat. Repositories are written OWNER/REPO, builds #NUMBER.
• `octocat/hello-world#42 to production TAG=v1.2.3` promotes build 42, with parameters
• `octocat/hello-world@main to staging` promotes the newest passing build of a branch, a tag or a commit
• `rollback octocat/hello-world in production` goes back to what ran there before; `…#41 in production` to that build
• `status octocat/hello-world [production]` shows what runs where
• `list octocat/hello-world [production]` shows the newest builds
• `approve octocat/hello-world#43`, `reject octocat/hello-world#43 [reason]`, `cancel octocat/hello-world#43`
• `login` lets you act with your account here
Options of a promotion or a rollback: `--dry-run` only says what would happen, `--force` begins once more what runs \
already, and with `--reason="…"` lets an administrator promote a build that did not pass. \
Quotes are as in a shell: `NOTE="two words"`."""
