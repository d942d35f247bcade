class Database:
    # …

    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        try:
            async with asyncio.timeout(self.limit_seconds):
                return await self.transaction(statement, values)
        except TimeoutError as error:
            raise Unavailable(self.name) from error
