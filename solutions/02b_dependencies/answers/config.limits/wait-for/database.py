class Database:
    # …

    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        try:
            return await asyncio.wait_for(self.transaction(statement, values), timeout=self.limit_seconds)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(self.name) from error
