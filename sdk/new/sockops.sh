# shellcheck shell=bash
# @name@.sh - what `make check` does while the plugin runs, in a network namespace of its own:
# a connection of one process with itself.
command -v python3 >/dev/null || { echo "no python3 here"; exit 77; }
python3 -c 'import socket
listener = socket.create_server(("127.0.0.1", 4242))
socket.create_connection(("127.0.0.1", 4242))'
