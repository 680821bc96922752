"""`gantry service`: what a service manager needs to keep the server running."""

import sys
from pathlib import Path

import click

from app.cli.terminal.commands import command

#: Steps make sandboxes in the service, so it keeps /proc as it is, and may make namespaces (docs/security.md).
_SYSTEMD = """\
# Gantry as a service of systemd. The settings are in /etc/gantry/gantry.env, one NAME=value a line.
[Unit]
Description=Gantry, a promotion server
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User={user}
ExecStart={command} serve
Environment=GANTRY_DATA=/var/lib/gantry GANTRY_LOG=json
EnvironmentFile=-/etc/gantry/gantry.env
StateDirectory=gantry
StateDirectoryMode=0700
Restart=on-failure
RestartSec=2
# The server ends its steps itself, and gives them 8 s.
KillMode=mixed
TimeoutStopSec=30
LimitNOFILE=65536
# A control group for each step, so that its limits hold together.
Delegate=yes

UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
LockPersonality=yes
PrivateTmp=yes
ProtectHome=yes
ProtectKernelModules=yes
# What else steps may write on this machine, /srv/www for example, is named by ReadWritePaths=.
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


@command(example="gantry service --systemd > gantry.service")
@click.option("--systemd", is_flag=True, required=True, help="Print a unit of systemd.")
@click.option("--user", default="gantry", show_default=True, metavar="NAME", help="Account that the server runs as.")
def service(systemd: bool, user: str) -> None:
    """Print what a service manager needs to run the server.

    Print the unit, then start it; docs/install.md goes through it:

    \b
      gantry service --systemd > /etc/systemd/system/gantry.service
      systemctl enable --now gantry
    """
    command = Path(sys.executable).with_name("gantry")
    click.echo(_SYSTEMD.format(user=user, command=command), nl=False)
