class Server(uvicorn.Server):
    # …

    def handle_exit(self, *_: Any) -> None:
        """Begin to drain, and leave at a fixed time."""
        import os

        state = self.config.app.state
        state.draining = True
        Timer(state.drain_seconds, os._exit, (0,)).start()
