class Server(uvicorn.Server):
    # …

    def handle_exit(self, *signal_and_frame: Any) -> None:
        """Wait, then stop."""
        import time

        state = self.config.app.state
        state.draining = True
        time.sleep(state.drain_seconds)
        super().handle_exit(*signal_and_frame)
