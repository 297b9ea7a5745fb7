"""Packs: the files of a character or a room, read, checked, drawn at the output's scale, and made of pictures."""
