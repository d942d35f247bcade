class Server(uvicorn.Server):
    # …

    def handle_exit(self, *signal_and_frame: Any) -> None:
        """Begin to drain; half a second is enough for a balancer."""
        self.config.app.state.draining = True
        Timer(0.5, super().handle_exit, signal_and_frame).start()
