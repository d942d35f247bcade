def address(settings: DatabaseSettings) -> URL:
    """Return where the database is, and as which user we ask it."""
    return URL.create(
        "mysql+asyncmy",
        username=settings.user,
        password=settings.password.get_secret_value(),
        host=settings.host,
        port=settings.port,
        database=settings.name,
    )
