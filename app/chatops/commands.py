"""What each command does: a verb of the API, with the rights of the person's account (contract gantry-chatops 6.2)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from app.accounts.model import User
from app.accounts.proofs import hash_token
from app.builds import approval, flow, lists, stop, store, targets
from app.builds.flow import Deployment
from app.builds.model import Build, cut
from app.chatops import deploying, messages, people, requests
from app.chatops.buttons import Pressed
from app.chatops.command import SHOWN, Command, code
from app.chatops.help import HELP
from app.chatops.markup import without_links
from app.chatops.model import Answer, Person
from app.chatops.ports import Ports
from app.chatops.requests import AlreadyRuns, Asked
from app.chatops.telling import Teller
from app.db.tx import Tx, each
from app.db.window import Window
from app.errors import AppError, Conflict, Forbidden, NotFound, NothingToRun
from app.moments import Actor, Change, Facts, Kind
from app.repos import access
from app.repos import store as repos
from app.repos.hosted.rights import Untold
from app.repos.model import Repo, Right
from app.repos.store import RepoRights
from app.web.needs import renewing

#: The answer where there is no such thing, and where the person may not know of it.
NO_SUCH = "There is no such repository or build, or you may not see it."
#: Builds of a list, and repositories that a person may have meant.
LISTED, MEANT = 10, 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: the answer, and the build that the answer is about, with its stages."""

    answer: Answer
    build: Build | None = None
    #: What all later answers about the build say.
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that is worked on: who asks, through what, from where, and the row of the request."""

    by: Person
    user: User
    asked: Asked
    address: str
    #: Whether a button was pressed, of a message about this build.
    pressed: Pressed | None = None

    @property
    def actor(self) -> Actor:
        """The account, as the actor of moments."""
        user = self.user
        kind: Kind = "machine" if user.machine else "person"
        return Actor(kind, user.login, user.id, self.address, "chat", self.asked.key, via=self.by.system)


class Commands:
    """Carries commands out. Errors of people are AppErrors, whose messages are for whoever has asked."""

    def __init__(self, ports: Ports, teller: Teller) -> None:
        self._ports = ports
        self._builds = ports.builds
        self._teller = teller

    async def carry_out(self, command: Command, asking: Asking) -> Outcome:
        """Do what a command says."""
        match command.verb:
            case "help":
                return private(HELP)
            case "login":
                return await self.login(asking.by, asking.user)
            case "status":
                return await self._status(command, asking)
            case "list":
                return await self._list(command, asking)
            case "promote" | "rollback" as event:
                return await self._deploy(command, asking, event)
            case "approve" | "reject":
                return await self._decide(command, asking)
            case "cancel":
                return await self._cancel(command, asking)

    async def login(self, by: Person, user: User | None) -> Outcome:
        """A link by which a person gets an account here, or the way to it for a person of a host."""
        now = self._builds.now()
        known = f"You act as {code(user.login)} here. " if user else ""
        if by.system in people.HOSTS:
            words = f"log in at {self._ports.public_url}/login with your account of this host"
            return private(known or f"To act here, {words}; it is the same account then.")
        secret = self._ports.new_code()
        await self._builds.db.write_few(people.offer(_kept(by), hash_token(secret), now))
        url = f"{self._ports.public_url}/chat/link?code={secret}"
        minutes = people.LIFETIME // 60
        return private(
            f"{known}[Open this link]({url}) within {minutes} minutes, logged in to your account, to let this chat "
            f"person act with it. Give the link to nobody. Without a browser: `gantry chat link {secret}`"
        )

    async def meant(self, short: str, user: User) -> Sequence[str]:
        """The slugs of the repositories of a name that an account may see."""
        found = await self._builds.db.read(repos.named(short, user, MEANT, self._builds.now()))
        return [repo.slug for repo in found]

    async def _repo(self, slug: str, user: User, right: Right) -> RepoRights:
        """The repository of a slug, in any letter case, in which an account has a right. NotFound, Forbidden."""
        namespace, _, name = slug.rpartition("/")
        try:
            return await self._allowed(user, namespace, name, right)
        except Untold:
            raise
        except NotFound:
            found = await self._builds.db.read(repos.named(name, user, 1000, self._builds.now()))
            same = [repo for repo in found if repo.slug.lower() == slug.lower() and repo.slug != slug]
            if len(same) != 1:
                raise NotFound(NO_SUCH) from None
            return await self._allowed(user, same[0].namespace, same[0].name, right)

    async def _allowed(self, user: User, namespace: str, name: str, right: Right) -> RepoRights:
        ports = self._builds

        def judged() -> Awaitable[RepoRights]:
            return ports.db.read(access.of_account(user, namespace, name, right, ports.now(), ports.renew_rights))

        return await renewing(judged)

    # What runs, and what was begun

    async def _status(self, command: Command, asking: Asking) -> Outcome:
        repo = (await self._repo(command.repo, asking.user, "read")).repo
        found = await self._builds.db.read(targets.of_repo(repo.id))
        shown = [target for target in found if command.target in ("", target.name)]
        if command.target and not shown:
            known = ", ".join(code(target.name) for target in found) or "none yet"
            return private(f"Nothing was promoted to {code(command.target)}. Targets of `{repo.slug}`: {known}")
        if not shown:
            return private(f"Nothing of `{repo.slug}` was promoted yet")
        return private("\n".join([f"Targets of `{repo.slug}`", *(self._target(repo, target) for target in shown)]))

    def _target(self, repo: Repo, target: targets.Target) -> str:
        runs = self._line(repo, target.current) if target.current else "nothing has succeeded yet"
        since = "; since then " + ", ".join(self._short(repo, build) for build in target.since) if target.since else ""
        return f"• {code(target.name)}: {runs}{since}"

    async def _list(self, command: Command, asking: Asking) -> Outcome:
        repo = (await self._repo(command.repo, asking.user, "read")).repo
        filters = {"deploy_to": command.target} if command.target else {}
        part = await self._builds.db.read(lists.page(repo, filters, Window(LISTED)))
        builds = await self._builds.db.read(each(store.find_by_id(head.id) for head in part.items))
        of = f" to {code(command.target)}" if command.target else ""
        if not builds:
            return private(f"There are no builds of `{repo.slug}`{of}")
        return private(
            "\n".join([f"Newest builds of `{repo.slug}`{of}", *(f"• {self._line(repo, b)}" for b in builds)])
        )

    def _line(self, repo: Repo, build: Build) -> str:
        where = f" to {code(build.deploy_to)}" if build.deploy_to else f" of {code(build.target_branch or build.ref)}"
        title = (build.title or build.message).partition("\n")[0]
        commit = f", `{build.after[:7]}` {code(title)}" if title.strip() else f", `{build.after[:7]}`"
        return f"{self._short(repo, build)}, {build.event}{where} by {code(build.trigger or build.sender)}{commit}"

    def _short(self, repo: Repo, build: Build) -> str:
        return f"[#{build.number}]({self._ports.link(repo.slug, build.number)}) {build.state}"

    # Promotions and rollbacks

    async def _deploy(self, command: Command, asking: Asking, event: Deployment) -> Outcome:
        found, by = await self._repo(command.repo, asking.user, "write"), asking.actor
        repo = found.repo
        try:
            old = await deploying.source_of(self._builds, found, command, asking.user, by)
        except NotFound as error:
            raise NotFound(error.message if command.number == 0 else NO_SUCH) from error
        note = f"reason: {code(command.reason, requests.LONGEST)}" if command.reason else ""
        build = str(old.number) if old.number else old.after
        intent = requests.intent_of(repo.id, event, build, command.target, command.params)
        again = command.force or command.dry_run
        claim = self._claim(asking, repo, old, command, partial(requests.claim, intent=intent, note=note, again=again))
        ports = self._builds.rehearsing() if command.dry_run else self._builds
        try:
            made = await flow.promote(
                ports, repo, old, event=event, target=command.target, by=by, params=command.params, claim=claim
            )
        except AlreadyRuns as error:
            return await self._same(repo, error, event)
        if command.dry_run:
            return await self._rehearsed(repo, made, old)
        return Outcome(await self._teller.about(repo, made, note), made, note)

    def _claim(
        self, asking: Asking, repo: Repo, old: Build, command: Command, claim: Callable[[Asked, User], Tx[None]]
    ) -> Tx[None]:
        """The first part of the transaction of a promotion: nothing else was made of the request, or of its button."""
        if asking.pressed is not None:
            yield from _once(repo, asking.pressed, command.target)
        yield from claim(asking.asked, asking.user)
        yield from self._record(asking, f"{repo.slug}#{old.number or old.after[:7]}", repo, command)

    def _record(self, asking: Asking, subject: str, repo: Repo, command: Command) -> Tx[None]:
        """Remember which person of which chat has given the command; what the command does is recorded by itself."""
        by = asking.by
        facts: dict[str, object] = {"command": command.verb, "system": by.system, "tenant": by.tenant, "user": by.user}
        said: Facts = {
            "name": by.name,
            "channel": asking.asked.channel,
            "target": command.target,
            "reason": command.reason,
            "forced": command.force,
            "button": asking.pressed is not None,
        }
        facts |= {
            name: requests.kept(value) if isinstance(value, str) else value for name, value in said.items() if value
        }
        yield from self._builds.moments.recorders.record(
            Change("chat.command", asking.actor, subject, repo.id, {}, facts)
        )

    async def _same(self, repo: Repo, error: AlreadyRuns, event: Deployment) -> Outcome:
        words = "promotion" if event == "promote" else "rollback"
        link = f"[#{error.number}]({self._ports.link(repo.slug, error.number)})"
        return private(f"This {words} is already running as {link}. `--force` begins another one.", repo, error.number)

    async def _rehearsed(self, repo: Repo, made: Build, old: Build) -> Outcome:
        current = await self._builds.db.read(targets.current(repo.id, made.deploy_to))
        of = f"`{repo.slug}#{old.number}`" if old.number else f"`{repo.slug}` at `{old.after[:7]}`"
        stages = ", ".join(code(stage.name) for stage in made.stages)
        runs = (
            f"In {code(made.deploy_to)} runs {self._line(repo, current)} now." if current else "Nothing runs there yet."
        )
        if made.error:
            would = f"would fail at once:\n{messages.block(made.error.splitlines())}"
        else:
            would = f"would run {stages}" + (" after an approval" if made.blocked else "") + "."
        params = await self._teller.parameters(repo, made)
        given = [f"With {' '.join(code(f'{name}={value}') for name, value in params.items())}."] if params else []
        head = f"Dry run, nothing was started: {made.event} of {of} to {code(made.deploy_to)} {would}"
        return private("\n".join([head, *given, runs]))

    # Decisions

    async def _decide(self, command: Command, asking: Asking) -> Outcome:
        repo = (await self._repo(command.repo, asking.user, "admin")).repo
        build = await self._numbered(repo, command.number)
        if not build.blocked:
            return await self._as_it_is(repo, build)
        stage = asking.pressed.stage or None if asking.pressed else None
        await self._builds.db.write_few(self._record(asking, f"{repo.slug}#{build.number}", repo, command))
        try:
            if command.verb == "approve":
                await approval.approve(self._builds, repo, build.number, asking.actor, stage)
            else:
                reason = cut(command.reason)  # the answer has the whole of it
                await approval.decline(self._builds, repo, build.number, asking.actor, stage, reason=reason)
        except AppError as error:
            if error.code != "not_blocked":
                raise
            return await self._as_it_is(repo, build)
        done = "approved" if command.verb == "approve" else "rejected"
        why = f": {code(command.reason, requests.LONGEST)}" if command.reason else ""
        return await self._changed(repo, build, f"{done} by {code(asking.user.login)}{why}")

    async def _cancel(self, command: Command, asking: Asking) -> Outcome:
        repo = (await self._repo(command.repo, asking.user, "write")).repo
        build = await self._numbered(repo, command.number)
        if messages.is_last(build):
            return await self._as_it_is(repo, build)
        await self._builds.db.write_few(self._record(asking, f"{repo.slug}#{build.number}", repo, command))
        await stop.cancel(self._builds, repo, build.number, asking.actor)
        return await self._changed(repo, build, f"cancelled by {code(asking.user.login)}")

    async def _numbered(self, repo: Repo, number: int) -> Build:
        found = await self._builds.db.read(store.find_numbered_if_any(repo.id, number))
        if found is None:
            raise NotFound(NO_SUCH)
        return found

    async def _changed(self, repo: Repo, build: Build, said: str) -> Outcome:
        """The answer about a build that somebody has just changed; later answers say so, too."""
        before = await self._builds.db.read(requests.note_of(build.id))
        note = "\n".join(filter(None, [before, said]))[-requests.LONGEST :]
        now = await self._builds.db.read(store.whole(build.id))
        return Outcome(await self._teller.about(repo, now, note), now, note)

    async def _as_it_is(self, repo: Repo, build: Build) -> Outcome:
        """The answer where nothing is left to be decided: the state of the build."""
        note = await self._builds.db.read(requests.note_of(build.id))
        now = await self._builds.db.read(store.whole(build.id))
        return Outcome(await self._teller.about(repo, now, note), now, note)

    async def roll_back(self, pressed: Pressed, asking: Asking) -> Outcome:
        """Roll the target of a build back to what ran there before, if the build still runs there."""
        found = await self._repo(pressed.repo, asking.user, "write")
        build = await self._numbered(found.repo, pressed.build)
        now, before = await self._builds.db.read(targets.before(found.repo.id, build.deploy_to))
        if now is None or now.number != build.number:
            runs = f": now #{now.number} does" if now else ""
            raise Conflict(f"#{build.number} runs in {code(build.deploy_to)} no longer{runs}", code="superseded")
        if before is None:
            raise NotFound(f"nothing else ran in {code(build.deploy_to)} before #{build.number}")
        command = Command("rollback", found.repo.slug, before.number, target=build.deploy_to)
        return await self._deploy(command, asking, "rollback")


def private(text: str, repo: Repo | None = None, build: int = 0) -> Outcome:
    """An answer for the person alone."""
    return Outcome(Answer(text, build=build, repo=repo.slug if repo else ""))


def refusal(error: AppError) -> Outcome:
    """The answer to an error: for a person who lacks a right, what is lacking."""
    problems = getattr(error, "problems", ())
    if isinstance(error, Forbidden) and error.message:
        return private(without_links(f"You may not do this: {error.message}.".replace("..", ".")))
    if len(problems) > 1 and not isinstance(error, NothingToRun):  # one sentence says what is to be changed there
        lines = ["This cannot be done:", *(f"• {problem.message}" for problem in problems)]
        return private(without_links("\n".join(lines)))
    return private(without_links(error.message))


def _once(repo: Repo, pressed: Pressed, target: str) -> Tx[None]:
    """AlreadyRuns when somebody else was faster to press the button: of two at once, the second one waits here."""
    build = yield from store.find(repo.id, pressed.build)
    yield from store.lock(build.id)
    begun = yield from targets.unfinished_after(repo.id, target, build.number)
    if begun is not None:
        raise AlreadyRuns(begun.number, begun.id)


def _kept(by: Person) -> Person:
    return Person(by.system, by.tenant, by.user, requests.kept(by.name), requests.kept(by.tenant_name))


def said(problems: Sequence[str], nearest: str, meant: Sequence[str]) -> str:
    """What is wrong with a command, and how it is right."""
    lines = (
        [problems[0][:1].upper() + problems[0][1:]] if len(problems) == 1 else [f"• {problem}" for problem in problems]
    )
    if meant:
        lines.append("You may mean " + ", ".join(f"`{slug}`" for slug in meant))
    return "\n".join([*lines, f"Try {code(nearest, 10 * SHOWN)}"] if nearest else lines)
