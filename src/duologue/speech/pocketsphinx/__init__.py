"""The ears `pocketsphinx`: grammars, and open dictation where there are no others."""
