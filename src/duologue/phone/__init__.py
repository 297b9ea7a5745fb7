"""The phone: SIP and RTP as cores without I/O, the line process that runs them, and the sockets that carriers speak."""
