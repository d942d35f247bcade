class Server(uvicorn.Server):
    # …

    def handle_exit(self, *signal_and_frame: Any) -> None:
        """Begin to drain, and stop later: load balancers need a moment to notice."""
        state = self.config.app.state
        state.draining = True
        log.info("draining", seconds=state.drain_seconds)
        Timer(state.drain_seconds, super().handle_exit, signal_and_frame).start()
