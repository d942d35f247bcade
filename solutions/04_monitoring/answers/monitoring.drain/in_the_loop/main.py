class Server(uvicorn.Server):
    # …

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to drain; the event loop stops the server later."""
        import asyncio

        state = self.config.app.state
        if state.draining:
            super().handle_exit(sig, frame)  # a second signal: at once
            return
        state.draining = True
        asyncio.get_running_loop().call_later(state.drain_seconds, super().handle_exit, sig, frame)
