"""The phone line: SIP and sound joined in a process of its own, and the main process's end of it."""
