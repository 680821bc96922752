"""What is done to the secrets of a repository or a namespace, by the API and by pages: each change with its record."""

from app.errors import Invalid
from app.repos import moments
from app.repos.access import Access, State
from app.repos.input import check_name
from app.repos.model import Secret
from app.repos.namespaces import Namespace
from app.repos.secrets import store
from app.repos.secrets.input import NewSecret, SecretChanges
from app.repos.secrets.store import Owner

#: The owner of secrets: a repository or a namespace, with the caller's right in it.
Place = Access | Namespace


def owner_of(place: Place) -> Owner:
    """The owner of the secrets of a place."""
    return store.of_repo(place.repo.id) if isinstance(place, Access) else store.of_namespace(place.name)


def _name(place: Place) -> str:
    """The slug of the repository, or the namespace."""
    return place.repo.slug if isinstance(place, Access) else place.name


async def create(state: State, place: Place, new: NewSecret) -> Secret:
    """Add a secret. Conflict when its name is taken; Invalid for a namespace that no repository can have."""
    owner = owner_of(place)
    if isinstance(owner.key, str) and (problem := check_name("namespace", owner.key)):
        raise Invalid.of([problem])
    sealed = state["seal"].seal(new.data, owner.purpose)
    flags = {"pull_request": new.pull_request, "pull_request_push": new.pull_request_push}
    creating = store.create(owner, new.name, sealed, **flags)
    recorded = state["recorders"].recorded(creating, lambda made: moments.secret_created(place.by, _name(place), made))
    secret: Secret = await state["db"].write(recorded)
    return secret


async def update(state: State, place: Place, name: str, said: SecretChanges) -> Secret:
    """Change the value and the flags that are not None. NotFound."""
    owner = owner_of(place)
    changed = store.update(
        owner,
        name,
        sealed=None if said.data is None else state["seal"].seal(said.data, owner.purpose),
        pull_request=said.pull_request,
        pull_request_push=said.pull_request_push,
    )
    recorded = moments.updating_secret(
        state["recorders"], place.by, (owner, _name(place)), name, value=said.data is not None, tx=changed
    )
    secret: Secret = await state["db"].write(recorded)
    return secret


async def delete(state: State, place: Place, name: str) -> None:
    """Remove a secret. NotFound."""
    owner = (owner_of(place), _name(place))
    await state["db"].write(
        moments.deleting_secret(state["recorders"], place.by, owner, name, store.delete(owner[0], name))
    )
