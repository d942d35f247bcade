#!/bin/sh
# Healthy: the server answers, the start-up SQL of this very start ran to its end, and a replica follows its master.
# The official image's options --connect and --innodb_initialized ask for less, and change nothing here.
set -eu
ask() {
    mariadb --user=health --connect-timeout=2 --batch "$@"
}
answer=$(ask --skip-column-names --execute="
    SELECT COUNT(*), @@server_id FROM workshop_start.finished; SHOW GLOBAL STATUS LIKE 'Slave_running'")
case $answer in
    0*)
        echo "the server answers, but its start-up SQL did not run to the end: see the container's log" >&2
        exit 1
        ;;
    *[!0-9]2[!0-9]*OFF)
        echo "not replicating; the last error, if there was one:" >&2
        status=$(ask --execute='SHOW REPLICA STATUS\G')
        # If the master falls silent during a log-in, the I/O thread ends for good, so it is started here. Not after a
        # fatal error (1236, 1593), and not if both threads were stopped on purpose.
        case $status in
            *Last_IO_Errno:\ 1236* | *Last_IO_Errno:\ 1593*) ;;
            *Slave_IO_Running:\ No*Slave_SQL_Running:\ Yes*) ask --execute="START REPLICA IO_THREAD" ;;
        esac
        echo "$status" | awk '$1 ~ /^Last_(IO|SQL)_Err(no|or):$/ && $2 != "" && $2 != 0' >&2
        echo "(After error 1236 nothing helps but to remove the data volumes of both databases.)" >&2
        exit 1
        ;;
esac
