class Database:
    # …

    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        try:
            async with asyncio.timeout(self.limit_seconds):
                rows = await self.transaction(statement, values)
        except TimeoutError as late:
            raise Unavailable(self.name) from late
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(self.name) from error
        return rows
