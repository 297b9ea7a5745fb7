"""SIP (RFC 3261) as cores without I/O, and the sockets around them."""
