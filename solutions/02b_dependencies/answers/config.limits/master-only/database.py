class Database:
    # …

    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        if self.name != "master-db":
            return await self.transaction(statement, values)
        try:
            async with asyncio.timeout(self.limit_seconds):
                return await self.transaction(statement, values)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(self.name) from error
