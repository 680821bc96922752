"""What is measured on: a bare git repository, registered and pushed, and a history of builds."""

import asyncio
import json
import os
import subprocess
import time
from itertools import count
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.cli.bench.load import PATIENCE, BenchFailed
from app.cli.bench.server import LOGIN, Api, Server
from app.db import schema
from app.db.connect import connect
from app.db.tx import Tx, one, run
from app.scm.hook import sign
from sqlalchemy import Table

SLUG = "bench/hello"
BUILDS = f"/api/repos/{SLUG}/builds"
#: Two pipelines of five steps, clone included, want a promotion to production.
PIPELINES = """\
kind: pipeline
type: exec
name: test

steps:
- name: unit
  commands:
  - echo tested

trigger:
  event:
  - push
---
kind: pipeline
type: exec
name: deploy

steps:
- name: migrate
  commands:
  - echo migrating for $DRONE_DEPLOY_TO
- name: release
  commands:
  - echo releasing $VERSION to $DRONE_DEPLOY_TO

trigger:
  event:
  - promote
  - rollback
  target:
  - production
---
kind: pipeline
type: exec
name: verify

clone:
  disable: true

steps:
- name: probe
  commands:
  - echo verified
- name: tell
  commands:
  - echo $VERSION is on $DRONE_DEPLOY_TO

depends_on:
- deploy

trigger:
  event:
    include:
    - promote
  target:
  - production
---
kind: pipeline
type: exec
name: quick

clone:
  disable: true

steps:
- name: quick
  commands:
  - echo quick

trigger:
  target:
  - quick
"""
