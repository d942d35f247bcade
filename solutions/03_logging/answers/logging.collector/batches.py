class Checkpoint:
    # …

    def take(self, container: str, position: Position, lines: Mapping[str, list[bytes]]) -> None:
        """Remember new lines and the position behind them."""
        for part in lines:
            self.lines[part] = [*self.lines.get(part, []), *lines[part]]
        self.positions = {**self.positions, container: position}

    def commit(self) -> None:
        """Write the lines, then the checkpoint that makes them count."""
        folder = self.folder / PARTS
        for part in sorted(self.lines):
            path = folder / f"{self.generation + 1:012d}~{self.spool}~{part}"
            with path.open("wb") as file:
                file.write(b"".join(self.lines[part]))
                file.flush()
                os.fsync(file.fileno())
        sync_folder(folder)
        self.lines.clear()
        self.generation += 1
        save(self)
