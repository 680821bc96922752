"""Far sides of hosts: they speak real HTTP on loopback, and their data are real git repositories.

    far = GitHub(tmp_path)                               # Gitea, GitLab and Gogs alike
    with serving(far):                                   # far.url is the address
        project = far.add_project("octocat/hello-world")
        project.push({".drone.yml": "kind: pipeline"})   # a real push: registered webhooks are sent, signed
        far.calls("POST .*/statuses")                    # the requests that came in
        far.fail("500", "statuses", times=2)             # a fault; far.heal() ends all
        project.statuses, project.deployments, project.hooks, far.deliveries

`octocat` owns the projects and has the token `octocat-token`. Projects are cloned from, and pushed to,
`far.clone_url(project)`. The page of OAuth2 asks who consents, or `far.consenting` does at once; the application is
`far.client_id` with `far.client_secret`.
"""
