#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The plainest TCP client and server there are: connect, sendall, recv until
empty, close; the server sends back in capitals what it got.

usage: client.py serve PORT | client.py ask ADDRESS PORT TEXT | client.py options
"""
import socket
import sys


def receive(connection):
    got = b""
    while True:
        part = connection.recv(4096)
        if not part:
            return got
        got += part


def serve(port):
    with socket.create_server(("", port)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(receive(connection).upper())


def ask(address, port, text):
    with socket.create_connection((address, port), timeout=300) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        print(receive(connection).decode())


def options():
    with socket.socket() as plain:
        again = socket.socket(fileno=plain.detach())
        print(again.family.name, again.type.name, again.proto)
        again.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    elif sys.argv[1] == "ask":
        ask(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        options()
