"""The parts of a request's state that the routes of every chat need."""

from app.accounts import auth
from app.chatops.flow import Chat


class State(auth.State):
    """Also has what carries commands out."""

    chat: Chat
