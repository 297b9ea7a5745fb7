"""Who speaks when: the director of the automatic conversation. Knows no pixels, no SIP, no HTTP."""
