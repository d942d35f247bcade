class Server(BaseModel):
    # …

    @model_validator(mode="before")
    @classmethod
    def read_password(cls, group: dict[str, str]) -> dict[str, str]:
        """Take the password from the file that PASSWORD_FILE names. Raises ValueError with what is wrong."""
        if "password_file" not in group:
            return group
        path = Path(group.pop("password_file"))
        if "password" in group or not path.is_file():
            raise ValueError("give PASSWORD, or a file with PASSWORD_FILE, and not both")
        group["password"] = path.read_bytes().decode().removesuffix("\n")
        return group
