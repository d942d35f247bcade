-- Part of every data directory, made once when the image is built.
FLUSH PRIVILEGES;
-- The build machine's name, which the installer writes down.
DELETE FROM mysql.proxies_priv WHERE Host NOT IN ('localhost', '');
CREATE DATABASE workshop_start;
-- In memory, so that it is empty after every start until the start-up SQL has run to its end.
CREATE TABLE workshop_start.finished (at DATETIME NOT NULL) ENGINE=MEMORY;
-- Known by the system user that asks through the socket: there is no password to leak.
CREATE USER health@localhost IDENTIFIED VIA unix_socket AS 'mysql';
GRANT SELECT ON workshop_start.finished TO health@localhost;
-- Whether a replica follows its master, and why not.
GRANT REPLICA MONITOR ON *.* TO health@localhost;
-- And to let it try again, where it would not by itself (see healthcheck.sh).
GRANT REPLICATION SLAVE ADMIN ON *.* TO health@localhost;
