class Checkpoint:
    # …

    def take(self, container: str, position: Position, lines: Mapping[str, list[bytes]]) -> None:
        """Take new lines, by the part they belong to, and the position in the container's log behind them."""
        for part, some in lines.items():
            self.lines.setdefault(part, []).extend(some)
        self.positions[container] = position

    def commit(self) -> None:
        """Write what was taken since the last commit to the disk: from here on it survives."""
        generation = self.generation + 1
        for part, lines in self.lines.items():
            write_safely(self.folder / PARTS / f"{generation:012d}~{self.spool}~{part}", lines)
        sync_folder(self.folder / PARTS)
        self.generation = generation
        save(self)
        self.lines = {}
