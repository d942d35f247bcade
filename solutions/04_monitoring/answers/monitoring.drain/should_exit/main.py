class Server(uvicorn.Server):
    # …

    def handle_exit(self, *_: Any) -> None:
        """Say that it leaves, and leave later."""
        self.config.app.state.draining = True
        Timer(self.config.app.state.drain_seconds, self.leave).start()

    def leave(self) -> None:
        """Let uvicorn stop: it looks at this ten times a second."""
        self.should_exit = True
