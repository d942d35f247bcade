class Server(uvicorn.Server):
    # …

    def handle_exit(self, *signal_and_frame: Any) -> None:
        """Say that it leaves; the engine will end it."""
        self.config.app.state.draining = True
