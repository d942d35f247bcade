class Server(BaseModel):
    # …

    @model_validator(mode="before")
    @classmethod
    def read_password(cls, group: dict[str, str]) -> dict[str, str]:
        """Take the password from the file that PASSWORD_FILE names. Raises ValueError with what is wrong."""
        if "password_file" not in group:
            return group
        if group.get("password") is not None:
            raise ValueError("PASSWORD is set twice, as a text and as a file")
        try:
            with open(group["password_file"], encoding="utf-8", newline="") as file:
                text = file.read()
        except OSError as error:
            raise ValueError(f"PASSWORD_FILE cannot be read: {error.strerror}") from None
        if text.endswith("\n"):
            text = text[:-1]
        return {**group, "password": text}
