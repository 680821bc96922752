"""`gantry completion`: what a shell reads to complete commands, and what the server knows."""

import click
from click.shell_completion import ShellComplete, get_completion_class

from app.cli.terminal import output
from app.cli.terminal.commands import OneOf, command
from app.cli.terminal.program import COMPLETE


@command(
    example=[
        "gantry completion bash > ~/.local/share/bash-completion/completions/gantry",
        "gantry completion zsh > ~/.zfunc/_gantry",
        "gantry completion fish > ~/.config/fish/completions/gantry.fish",
    ]
)
@click.argument("shell", type=OneOf(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what completes commands in your shell.

    Or put eval "$(gantry completion bash)" into ~/.bashrc; the same with zsh into ~/.zshrc, after compinit.
    Repositories, builds, branches and targets come from the server that you are logged in to, within a second or not
    at all.
    """
    found = get_completion_class(shell)
    assert found is not None
    completer = found(ctx.find_root().command, {}, "gantry", COMPLETE)
    output.write(ShellComplete.source(completer))  # that of bash would start a bash to learn its version
