class Database:
    # …

    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        transaction = asyncio.ensure_future(self.transaction(statement, values))
        try:
            async with asyncio.timeout(self.limit_seconds):
                return await asyncio.shield(transaction)
        except (SQLAlchemyError, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable(self.name) from error
        finally:
            # A transaction that is canceled cleans up first, and nobody waits for that.
            transaction.cancel()
