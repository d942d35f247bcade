class Database:
    # …

    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        running = asyncio.gather(self.transaction(statement, values), return_exceptions=True)
        try:
            [rows] = await asyncio.wait_for(running, self.limit_seconds)
        except TimeoutError as error:
            raise Unavailable(self.name) from error
        if isinstance(rows, Exception):
            raise Unavailable(self.name) from rows
        return rows
