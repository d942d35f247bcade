class Checkpoint:
    # …

    def take(self, container: str, position: Position, lines: Mapping[str, list[bytes]]) -> None:
        """Remember new lines and where they came from."""
        for part, some in lines.items():
            self.lines.setdefault(part, []).extend(some)
        self.positions = {container: position}

    def commit(self) -> None:
        """Write the lines, then the checkpoint that makes them count."""
        for part, lines in self.lines.items():
            write_safely(self.folder / PARTS / f"{self.generation + 1:012d}~{self.spool}~{part}", lines)
        sync_folder(self.folder / PARTS)
        self.generation += 1
        save(self)
        self.lines = {}
