class Server(BaseModel):
    # …

    @model_validator(mode="before")
    @classmethod
    def read_password(cls, group: dict[str, str]) -> dict[str, str]:
        """Take the password from the file that PASSWORD_FILE names. Raises ValueError with what is wrong."""
        if "password_file" not in group:
            return group
        if "password" in group:
            raise ValueError("PASSWORD and PASSWORD_FILE are both set")
        try:
            return group | {"password": Path(group["password_file"]).read_text(encoding="utf-8").strip()}
        except OSError:
            raise ValueError("PASSWORD_FILE cannot be read") from None
