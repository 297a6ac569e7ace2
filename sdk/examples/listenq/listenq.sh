# listenq.sh - what `make check` does while the plugin runs, in a network namespace of its own:
# five clients of a listener with room for two, who accepts none.
command -v python3 >/dev/null || { echo "no python3 here"; exit 77; }
python3 -c 'import socket, time
open("/proc/self/comm", "w").write("lazy")
listener = socket.create_server(("127.0.0.1", 4242), backlog=1)
clients = [socket.socket() for _ in range(5)]
for c in clients:
	c.setblocking(False)
	c.connect_ex(("127.0.0.1", 4242))
time.sleep(0.5)'
