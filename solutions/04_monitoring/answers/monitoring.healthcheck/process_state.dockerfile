HEALTHCHECK --interval=1s --timeout=1s --retries=2 CMD test "$(cut -d' ' -f3 /proc/1/stat)" != T
