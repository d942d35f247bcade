class Database:
    # …

    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        running = asyncio.ensure_future(self.transaction(statement, values))
        done, _ = await asyncio.wait({running}, timeout=self.limit_seconds)
        if not done:
            running.cancel()
            raise Unavailable(self.name)
        try:
            return running.result()
        except Exception as error:
            raise Unavailable(self.name) from error
