#!/bin/sh
# As in the official image, options alone are those of redis-server, and anything else is a command.
case $1 in
    -* | *.conf) set -- redis-server "$@" ;;
esac
exec "$@"
