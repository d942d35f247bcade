class Checkpoint:
    # …

    def take(self, container: str, position: Position, lines: Mapping[str, list[bytes]]) -> None:
        """Remember new lines and the position behind them."""
        for part, some in lines.items():
            self.lines.setdefault(part, []).extend(some)
        self.positions[container] = position

    def commit(self) -> None:
        """Write parts that count at once, so that no line can be lost."""
        for part, lines in self.lines.items():
            path = self.folder / PARTS / f"{self.generation:012d}~{self.spool}~{part}"
            write_safely(path, [path.read_bytes() if path.exists() else b"", *lines])
        sync_folder(self.folder / PARTS)
        save(self)
        self.lines = {}
