"""The codes of errors about accounts, tokens and groups."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "bad_email": ("An e-mail address is too long or not printable.", "Send at most 250 printable characters."),
            "bad_lifetime": ("A token's lifetime is no number of seconds.", "Say `expires_in` in seconds, 0 = no end."),
            "bad_password": ("A password cannot be an account's token.", "Choose one as the message says."),
            "machine_at_host": ("A machine has no account at a host.", "Leave out `host`, or `machine`."),
            "missing_password": ("The password is missing.", "Send the password."),
            "missing_token": ("No token is named.", "Send the token, or its `token_id`."),
            "unknown_group": ("There is no such group.", "Make the group first, or correct its name."),
            "unknown_host": ("The settings name no such host.", "Choose a host of the log-in page."),
            "unknown_scope": ("A token has no such scope.", "Choose a scope of the message."),
            "unknown_user": ("There is no such account.", "Make the account first, or correct its login."),
            "unsupported": ("Groups cannot make administrators.", "Make the accounts administrators."),
        },
        403: {
            "limited_token": ("The token is good for some repositories only.", "Use a token that is good for all."),
            "login_over": ("The log-in began elsewhere, or too long ago.", "Begin again at `/login`."),
            "login_refused": ("The account at the host gets no account here.", "Do as the message says."),
            "scope_too_small": ("The token has too small a scope.", "Use a token of the scope in the message."),
        },
        409: {
            "host_account_exists": ("The account is linked at this host.", "Unlink the account at the host first."),
            "key_exists": ("The account has an API key already.", "Replace the key with PUT."),
            "last_administrator": ("This is the last active administrator.", "Make another account one first."),
            "only_way_in": ("The host is the only way to sign in.", "Make a token of the scope admin first."),
            "other_name": ("The body names another thing than the path.", "Use the same name in both."),
            "synchronising": ("The repositories of the host are synchronised now.", "Try again a little later."),
            "token_exists": ("A token of this name is there.", "Delete it first, or choose another name."),
            "token_taken": ("This token is another account's.", "Choose another token."),
            "too_many_tokens": ("The account has as many tokens as it may have.", "Delete one first."),
            "user_exists": ("There is an account of this login.", "Choose another login."),
        },
        422: {
            "host_token_broken": ("The host does not take the account's token.", "Log in with the host once more."),
        },
    }
)
