"""The only public face: HTTP over a Unix socket, one table of routes."""
