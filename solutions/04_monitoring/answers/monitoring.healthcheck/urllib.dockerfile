HEALTHCHECK --start-period=20s --start-interval=1s --interval=2s --timeout=1s --retries=2 \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/livez', timeout=1)" || exit 1
