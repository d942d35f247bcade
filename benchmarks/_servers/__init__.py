"""Programs that do the same work, to be held against each other: ``PROGRAM PORT``, lines of JSON on stdout.

``GET /greetings/{name}`` → ``{"greeting": "Hello, tea!"}``; all but ``bare`` and ``ours --unobserved`` also

- give the request an id, or take over the caller's, and send it back as ``X-Request-ID``;
- write one line of JSON: time, level, logger, place of the call, message, request_id, method, route, path, status,
  duration_ms, size_bytes;
- count for Prometheus: requests by method, route and status, a histogram of their duration, requests in flight.
"""
