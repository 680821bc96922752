"""Known values for examples, by the name of a property; most are those of a recorded server (fixtures/drone).

`Schema.name` is the value of one schema only, `name:type` the value of one type only.
"""

from collections.abc import Mapping
from typing import Any

_SHA = "eddc4cb5fc792866da099684f99d448a2c87fe8e"
_SHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
_MD5 = "900150983cd24fb0d6963f7d28e17f72"
_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
_CREATED, _STARTED, _FINISHED = 1795411897, 1795411899, 1795411931
_MILLIS = 1795413827941
_ISO = "2026-11-23T06:03:47.941Z"

#: Properties that are left out of examples where they may be: errors, and what is rare.
OMITTED = frozenset(
    {
        *("error", "errignore", "pending_reason", "found_late", "via", "debug", "cron", "deploy_id", "title"),
        "detached",
        *("schema", "limit", "throttle", "variant", "kernel", "labels", "depends_on", "messages", "problem"),
        *("refresh_token", "failures", "errors", "pull_request", "pull_request_push"),
    }
)
VALUES: Mapping[str, Any] = {
    "id": 1, "repo_id": 1, "user_id": 1, "build_id": 2, "step_id": 1, "number": 1, "parent": 1, "version": 1,
    "BuildJSON.id": 2, "BuildJSON.number": 2, "BuildJSON.version": 3, "RepoJSON.version": 3,
    "uid": "7", "namespace": "octocat", "name": "hello-world", "slug": "octocat/hello-world", "scm": "",
    "git_http_url": "https://git.example.com/octocat/hello-world.git",
    "git_ssh_url": "ssh://git@git.example.com/octocat/hello-world.git",
    "link": "https://git.example.com/octocat/hello-world", "default_branch": "main", "config_path": ".drone.yml",
    "visibility": "private", "active:boolean": True, "counter": 2, "timeout": 60, "poll": 0,
    "trigger": "octocat", "status": "success", "event": "promote", "action": "", "timestamp:integer": 0,
    "message": "Add the pipeline\n", "before": "0" * 40, "after": _SHA, "ref": "refs/heads/main",
    "source_repo": "", "source": "main", "target": "main", "branch": "main",
    "CronJSON.target": "production", "GrantJSON.target": "developers", "CronJSON.event": "promote",
    "author_login": "octocat", "author_name": "The Octocat", "author_email": "octocat@example.com",
    "author_avatar": "https://git.example.com/avatars/1", "sender": "octocat", "params": {"VERSION": "1.2.3"},
    "deploy_to": "production", "started:integer": _STARTED, "stopped": _FINISHED, "finished": _FINISHED,
    "created:integer": _CREATED, "updated:integer": _CREATED, "synced": _CREATED, "received": _CREATED,
    "time": _CREATED, "LineJSON.time": 1, "pos": 0, "out": "+ ./deploy.sh production\n", "exit_code": 0,
    "StageJSON.name": "deploy", "StepJSON.name": "deploy", "image": "alpine", "kind": "pipeline", "type": "docker",
    "machine:string": "runner-1", "os": "linux", "arch": "amd64", "on_success": True, "on_failure": False,
    "build_number": 2, "build_status": "pending", "build_event": "promote", "stage_status": "pending",
    "repo_namespace": "octocat", "repo_name": "hello-world", "repo_slug": "octocat/hello-world",
    "stage_name": "deploy", "stage_kind": "pipeline", "stage_type": "docker", "stage_os": "linux",
    "stage_arch": "amd64", "stage_machine": "runner-1", "stage_variant": "", "stage_kernel": "",
    "login": "octocat", "email": "octocat@example.com", "avatar": "", "avatar_url": "", "last_login": _CREATED,
    "admin:boolean": False, "NewUser.login": "kim", "read": True, "write": False,
    "expr": "0 0 6 * * 1-5", "next": 1795500000, "prev": 1795413600, "CronJSON.name": "nightly",
    "data": "s3cr3t", "SecretJSON.name": "deploy_key", "NewSecret.name": "deploy_key", "EncryptedJSON.data": "hxCL4Y…",
    "TemplateJSON.name": "deploy.yaml", "NewTemplate.name": "deploy.yaml",
    "TemplateJSON.data": "kind: pipeline\ntype: exec\nname: deploy\nsteps: []\n",
    "TokenJSON.name": "deploy-bot", "NewToken.name": "deploy-bot", "scope": "promote", "expires": 0,
    "token": "gantry-token-of-24-chars", "last_used": _CREATED, "last_seen": _CREATED, "browser": "Firefox on Linux",
    "address": "127.0.0.1", "way": "token", "verb": "build.promote", "subject": "octocat/hello-world#2",
    "request_id": "0a1b2c3d4e5f", "hash": _SHA256, "previous": _SHA256, "key": "4f1d7a0c9b8e4f1d7a0c9b8e4f1d7a0c",
    "url": "https://gantry.example.com/hook", "host": "github", "tries": 1, "interval": 60, "refs": 2,
    "KeyJSON.name": "releases", "known_hosts": "git.example.com ssh-ed25519 AAAA…", "fingerprint": "SHA256:8n3…",
    "repo": "libs-release-local", "path": "org/app/1.0/app.jar", "uri": "https://gantry.example.com/artifactory/api",
    "downloadUri": "https://gantry.example.com/artifactory/libs-release-local/org/app/1.0/app.jar",
    "mimeType": "application/java-archive", "size:integer": 3, "size:string": "3", "createdBy": "octocat",
    "modifiedBy": "octocat", "created_by": "octocat", "modified_by": "octocat", "user": "octocat", "ciUser": "ci",
    "created:string": _ISO, "lastModified": _ISO, "lastUpdated": _ISO, "modified": _ISO, "updated:string": _ISO,
    "started:string": _ISO, "timestamp:string": _ISO, "lastStarted": _ISO, "downloaded": _ISO,
    "created_millis": _MILLIS, "lastDownloaded": _MILLIS,
    "sha1": _SHA1, "md5": _MD5, "sha256": _SHA256, "checksum": _SHA256, "digest": f"sha256:{_SHA256}", "sha2": _SHA256,
    "original_sha1": _SHA1, "actual_sha1": _SHA1, "original_md5": _MD5, "actual_md5": _MD5,
    "rclass": "local", "packageType": "maven", "package_type": "maven", "projectKey": "apps", "project_key": "apps",
    "display_name": "Apps", "new_name": "STAGING", "environment": "PROD", "source_environment": "DEV",
    "environments": ["DEV"], "order": ["DEV", "STAGING", "PROD"], "includes": ["**"], "excludes": [],
    "actions": ["read", "deploy"], "repositories": ["libs-release-local"], "includesPattern": "**/*",
    "excludesPattern": "", "repoLayoutRef": "simple-default", "sourceRepo": "libs-dev-local",
    "targetRepo": "libs-release-local", "release_bundle_name": "shop", "release_bundle_version": "1.0",
    "repository_key": "release-bundles-v2", "service_id": "gantry@0a1b2c", "operation": "copy",
    "pairName": "releases", "alias": "releases", "pairType": "ECDSA", "keyId": _SHA256[:16], "keyid": _SHA256[:16],
    "tag": "candidate", "repos": ["octocat/hello-world"], "comment": "Tested", "result": "SUCCESS", "reason": "",
    "access_token": "gantry-token-of-24-chars", "token_type": "Bearer", "expires_in": 31536000,
    "token_id": "5a5bd3ca-0a4e-4ec8-a4e5-9d7e6d1c3f7a", "realm": "internal", "description": "",
}  # fmt: skip
