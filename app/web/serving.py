"""uvicorn's server, with limits on its connections."""

import uvicorn

from app.web.connections import Connections


class Server(uvicorn.Server):
    """Serves with `app.web.protocol.Protocol`; ends what takes too long several times a second."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self.connections = connections
        self.server_state = connections

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        self.connections.sweep()
        return await super().on_tick(counter)
